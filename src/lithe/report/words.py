"""What the numbers of a run say in words; the page and the terminal say the same."""

from collections.abc import Callable
from dataclasses import dataclass

from lithe.arch.rows import shortened
from lithe.report.rows import LimitRow, NetworkRow, RunRows
from lithe.runtimes import WORDS
from lithe.units import format_bytes, format_count, format_seconds

FORMAT: dict[str, Callable[[float], str]] = {
    "count": format_count,
    "bytes": format_bytes,
    "seconds": format_seconds,
}
# The limits by their options' names; one that is not here is shown under its own name.
LIMIT_NAMES = {
    "max_macs": "MACs",
    "max_params": "Parameters",
    "max_activation_bytes": "Peak activations",
    "max_latency_s": "Latency",
}
NOT_MEASURED = "not measured"
SLOW = 0.1  # share from which a slow machine is worth a word


@dataclass(frozen=True, slots=True)
class Dimension:
    """One thing that a network costs: its name, its title on an axis, where a row holds it."""

    key: str
    name: str
    unit: str
    title: str
    of: Callable[[NetworkRow], float | None]


DIMENSIONS = (
    Dimension("macs", "Compute", "count", "Compute (MACs)", lambda row: row.macs),
    Dimension(
        "memory",
        "Memory",
        "bytes",
        "Memory (peak of live activations)",
        lambda row: row.peak_activation_bytes,
    ),
    Dimension("latency", "Latency", "seconds", "Latency of one image", lambda row: row.latency_s),
    Dimension("params", "Parameters", "count", "Parameters", lambda row: row.params),
)


@dataclass(frozen=True, slots=True)
class Saving:
    """The chosen network beside its twin in one dimension.

    `ratio` is the twin's cost over the chosen network's: above 1 the structure saves. It is
    None where one of the two was not measured or is zero.
    """

    dimension: Dimension
    chosen: float | None
    twin: float | None

    @property
    def ratio(self) -> float | None:
        """How many times the twin costs as much."""
        return self.twin / self.chosen if self.twin and self.chosen else None

    @property
    def times(self) -> str:
        """The ratio as a factor above 1, whichever way it points."""
        return _times(max(self.ratio, 1 / self.ratio)) if self.ratio else "-"

    @property
    def verdict(self) -> str:
        """`less`, `more`, `the same` or `not measured`."""
        if self.ratio is None:
            return NOT_MEASURED
        if _times(self.ratio) == _times(1.0) == _times(1 / self.ratio):
            return "the same"
        return "less" if self.ratio > 1 else "more"


def savings(rows: RunRows) -> tuple[Saving, ...]:
    """Chosen network and twin in every dimension, in the order in which they are shown."""
    return tuple(Saving(d, d.of(rows.chosen), d.of(rows.twin)) for d in DIMENSIONS)


def _times(ratio: float) -> str:
    return f"{ratio:.0f}" if ratio >= 9.95 else f"{ratio:.1f}"


def quantity(value: float | None, unit: str) -> str:
    """A number with its unit, or that it was not measured."""
    return NOT_MEASURED if value is None else FORMAT.get(unit, format_count)(value)


def timed_in(row: NetworkRow) -> str:
    """What a network's latency was measured in, and on how many threads; nothing if it was not.

    >>> timed_in(NetworkRow("v2", 1, 1, 1, 1e-3, runtime="lithe", threads=2))
    "lithe's engine, 2 threads"
    """
    if row.runtime is None:
        return ""
    return f"{WORDS[row.runtime]}, {threads_text(row.threads or 0)}"


def threads_text(threads: int) -> str:
    """How many threads, in words.

    >>> threads_text(1), threads_text(2)
    ('1 thread', '2 threads')
    """
    return f"{threads} {'thread' if threads == 1 else 'threads'}"


def percent(share: float) -> str:
    """One decimal, two where one would round a miss away.

    >>> percent(0.986), percent(0.9996), percent(1.0)
    ('98.6 %', '99.96 %', '100.0 %')
    """
    text = f"{share:.1%}"
    if text == "100.0%" and share < 1:
        text = f"{min(share, 0.9999):.2%}"
    return text.replace("%", " %")


def limit_name(name: str) -> str:
    """The plain name of a limit: `Latency` of `max_latency_s`.

    >>> limit_name("max_macs"), limit_name("--max-energy")
    ('MACs', 'Energy')
    """
    plain = name.lstrip("-").replace("-", "_")
    return LIMIT_NAMES.get(plain, plain.removeprefix("max_").replace("_", " ").capitalize())


def verdict(limit: LimitRow) -> str:
    """Whether a limit holds, in words."""
    words = {None: NOT_MEASURED, True: "holds", False: "broken"}[limit.holds]
    return f"{words} (predicted)" if limit.by_prediction else words


def held_out(rows: RunRows) -> int:
    """How many images the accuracy speaks of."""
    return sum(map(sum, rows.confusion))


def held_out_images(rows: RunRows) -> str:
    """Those images with their number, where it is known."""
    images = held_out(rows)
    return f"{images} held-out images" if images else "the held-out images"


def result(rows: RunRows) -> str:
    """The run in one sentence."""
    name = shortened(rows.chosen.label)
    right = f"{name} gets {percent(rows.accuracy)} of {held_out_images(rows)} right"
    parts = [f"{right} with {format_count(rows.chosen.macs)} MACs"]
    broken = [limit for limit in rows.limits if limit.holds is False]
    if broken:
        parts.append(f", but breaks the limit on {_listed([_breach(limit) for limit in broken])}")
    elif rows.limits and all(limit.holds for limit in rows.limits):
        by_prediction = any(limit.by_prediction for limit in rows.limits)
        parts.append(f", {'predicted to be ' if by_prediction else ''}within every limit")
    saving = savings(rows)[0]
    if saving.verdict == "less":
        parts.append(f"; standard convolutions would take {saving.times} times as many")
    return "".join(parts) + "."


def prediction(rows: RunRows) -> str:
    """What the predicted latencies rest on, and how far such predictions were off."""
    row = rows.prediction
    if row is None:
        return ""
    where = "this machine" if row.here else row.machine
    parts = [
        (
            f"Latency is predicted from kernels that were measured on {where} "
            f"({threads_text(row.threads)}); {100 * row.looked_up:.0f} % of this network's time "
            "is made of kernels that were, the rest is estimated from others like them."
        )
    ]
    if row.networks and row.median_error is not None and row.worst_error is not None:
        parts.append(
            f"Of {row.networks} networks that were predicted without their own measurement, "
            f"half were less than {percent(row.median_error)} off, the worst "
            f"{percent(row.worst_error)}."
        )
    if not row.here:
        parts.append("Nothing was measured on that machine: the verdict rests on the prediction.")
    return " ".join(parts)


def slow_machine(rows: RunRows) -> str:
    """That the machine was slow when the finished network was timed; nothing if it was not."""
    if rows.slower_by < SLOW:
        return ""
    return (
        f"The machine runs {100 * rows.slower_by:.0f} % slower than when its kernels were "
        "measured: the reference network, which is always the same, takes that much longer."
    )


def _breach(limit: LimitRow) -> str:
    name = limit_name(limit.name)
    value = limit.predicted if limit.by_prediction else limit.measured
    return (
        f"{name if name == 'MACs' else name.lower()} "
        f"({quantity(value, limit.unit)} {'predicted' if limit.by_prediction else 'measured'}, "
        f"{quantity(limit.asked, limit.unit)} asked)"
    )


def _listed(texts: list[str]) -> str:
    *most, last = texts
    return f"{', '.join(most)} and {last}" if most else last
