"""Networks side by side as a measurement would leave them: counted for real, timed by a formula."""

from dataclasses import replace

from tests.report.opened import HOSTILE
from tests.report.profile_sample import sample, static_sample, unknown_sample

from lithe.profiling import Profile
from lithe.profiling.side_by_side import Refused, SideBySide


def timed(profile: Profile, factor: float) -> Profile:
    """The same with latencies in every runtime multiplied."""
    runs = tuple(
        replace(
            run,
            total=replace(
                run.total,
                p20_s=factor * run.total.p20_s,
                p50_s=factor * run.total.p50_s,
                p80_s=factor * run.total.p80_s,
            ),
            steps=(),
        )
        for run in profile.latencies
    )
    return replace(profile, latencies=runs, notes=())


def side_by_side() -> SideBySide:
    """Four networks of ours, of which V2 is slower than its MACs say, and one that failed."""
    small = replace(timed(sample("mobilenet_v1", 160), 1.0), name="mobilenet_v1_r160")
    return SideBySide(
        (
            timed(sample("conv_mobilenet"), 1.0),
            timed(sample("mobilenet_v1"), 1.0),
            Refused("timm:vit_tiny", "attention.softmax has no rule, and nothing is a convolution"),
            timed(sample("mobilenet_v2"), 1.4),
            small,
        )
    )


def unknown_side_by_side() -> SideBySide:
    """One whose totals are lower bounds, and that the engine refuses."""
    known, unknown = sample("mobilenet_v1"), unknown_sample()
    unknown = replace(unknown, name="torchvision:a_network_with_quite_a_long_name_large")
    return SideBySide((timed(known, 1.0), replace(timed(unknown, 1.0), notes=unknown.notes[:1])))


def counted_only() -> SideBySide:
    """Nothing was run."""
    return SideBySide((static_sample("mobilenet_v1"), static_sample("mobilenet_v2")), to=1)


def hostile() -> SideBySide:
    """Networks under names that mean harm, a reason and notes as well."""
    whole = timed(sample(), 1.0)
    rows = tuple(
        replace(
            timed(whole, 1 + place / 10), name=name, unknown=(name,) * (place == 1), notes=(name,)
        )
        for place, name in enumerate(HOSTILE)
    )
    return SideBySide((*rows, Refused(HOSTILE[0], HOSTILE[1])))


def many(count: int = 40) -> SideBySide:
    """More networks than there are colours."""
    whole = timed(sample(), 1.0)
    return SideBySide(
        tuple(
            replace(
                timed(whole, 1 + (7 * place % count) / 10),
                name=f"family{place % 5}_w{place}",
                macs=whole.macs * (place + 1),
            )
            for place in range(count)
        )
    )
