"""What the numbers of a profile say in words, for someone who sees a profile for the first time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lithe.cost import by_kind
from lithe.profiling import Profile
from lithe.profiling.values import Energy, Resident, RunLatency
from lithe.report.kinds import KIND_STYLES, kind_of_step
from lithe.report.words import percent
from lithe.runtimes import WORDS
from lithe.units import format_bytes, format_count, format_joules, format_seconds

NOTABLE = 1.5  # times the share of MACs from which a share of time is worth a sentence
MOST_NAMES = 3  # in one line; the tables have all


@dataclass(frozen=True, slots=True)
class Dimension:
    """One of the three efficiencies: its figure, what that is, what it means, what belongs to it.

    `qualifier` is what keeps the figure from being taken for more than it is ("at least").
    """

    key: Literal["compute", "memory", "latency"]
    name: str
    question: str
    qualifier: str
    figure: str
    unit: str
    lines: tuple[str, ...]


def dimensions(profile: Profile) -> tuple[Dimension, ...]:
    """Compute, memory and latency, always all three."""
    return (_compute(profile), _memory(profile), _latency(profile))


def _at_least(profile: Profile) -> str:
    return "at least" if profile.unknown else ""


def _compute(profile: Profile) -> Dimension:
    lines = [f"{format_count(profile.flops)} FLOPs, for 1 MAC = 2 FLOPs"]
    shares = sorted(
        ((macs, kind) for kind, (macs, _) in by_kind(profile.layers).items()), reverse=True
    )
    if profile.macs:
        lines.append(f"{percent(shares[0][0] / profile.macs)} in {_layers_of(shares[0][1])}")
    if profile.other_ops:
        lines.append(
            f"{format_count(profile.other_ops)} other operations, counted apart: "
            "activations, pooling, additions"
        )
    if profile.unknown:
        lines.append(f"not counted: {_some(profile.unknown)}, for which there is no rule")
    return Dimension(
        "compute",
        "Compute",
        "How much arithmetic does one run take? The same on every machine.",
        _at_least(profile),
        format_count(profile.macs),
        "multiply-accumulates (MACs)",
        tuple(lines),
    )


def _memory(profile: Profile) -> Dimension:
    lines = [f"at {profile.peak_layer}, one layer after the other"] if profile.peak_layer else []
    plan = profile.memory_use("lithe")
    if plan is not None:
        lines.append(f"{format_bytes(plan.peak_bytes)} under the plan of lithe's engine")
    lines.append(
        f"and {format_bytes(profile.param_bytes)} of weights: "
        f"{format_count(profile.params)} parameters in fp32"
    )
    if profile.moved_bytes:
        lines.append(f"{format_bytes(profile.moved_bytes)} go between memory and layers in one run")
    return Dimension(
        "memory",
        "Memory",
        "How much has to be held at once? It decides where the network fits.",
        _at_least(profile),
        format_bytes(profile.peak_activation_bytes),
        "of activations at the peak",
        tuple(lines),
    )


def _latency(profile: Profile) -> Dimension:
    question = (
        "How long does one run take? Of the three, only this depends on machine and software."
    )
    if profile.latencies:
        first, *others = profile.latencies
        lines = [_measured(first)]
        lines += [
            f"{format_seconds(run.total.p50_s)} in {WORDS[run.runtime]}, "
            f"{threads(run.total.threads)}"
            for run in others
        ]
        if first.bound_s:
            lines.append(
                f"{format_seconds(first.bound_s)} at best by what this machine can do: "
                f"{percent(first.bound_s / first.total.p50_s)} of that speed is reached"
            )
        figure, unit = format_seconds(first.total.p50_s), f"in {WORDS[first.runtime]}, the median"
        return Dimension("latency", "Latency", question, "", figure, unit, tuple(lines))
    found = profile.prediction
    if found is not None:
        return Dimension(
            "latency",
            "Latency",
            question,
            "predicted, at least",
            format_seconds(found.seconds),
            f"on {found.device.name}, {threads(found.threads)}",
            (
                "not measured: computed from what the machine can do "
                + (
                    "by its data sheet"
                    if found.device.kind == "data sheet"
                    else "as measured there"
                ),
                "no machine reaches its bound in every layer, so it will take longer",
            ),
        )
    why = profile.notes or ("only what can be counted was asked for",)
    return Dimension("latency", "Latency", question, "", "?", "not measured", why[:MOST_NAMES])


def _measured(run: RunLatency) -> str:
    total = run.total
    return (
        f"{threads(total.threads)}, {total.runs} runs after {run.warm_up} to warm up; 3 of 5 took "
        f"{format_seconds(total.p20_s)} to {format_seconds(total.p80_s)}"
    )


def threads(count: int) -> str:
    """`1 thread`, `2 threads`."""
    return "1 thread" if count == 1 else f"{count} threads"


def _some(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


_LAYERS_OF = {
    "linear": "fully connected layers",
    "matmul": "products of matrices",
    "other": "other layers",
    "unknown": "the unknown",
}


def _layers_of(kind: str) -> str:
    return _LAYERS_OF.get(kind, f"{KIND_STYLES[kind].name} convolutions")


def result(profile: Profile) -> str:
    """The profile in one or two sentences: the three figures, and what stands out among them."""
    bound = "at least " if profile.unknown else ""
    parts = [
        f"{bound}{format_count(profile.macs)} multiply-accumulates",
        f"{bound}{format_bytes(profile.peak_activation_bytes)} of activations at once",
    ]
    if profile.latencies:
        run = profile.latencies[0]
        parts.append(
            f"{format_seconds(run.total.p50_s)} in {WORDS[run.runtime]} "
            f"on {threads(run.total.threads)}"
        )
    elif profile.prediction is not None:
        parts.append(
            f"at least {format_seconds(profile.prediction.seconds)}, predicted, "
            f"on {profile.prediction.device.name}"
        )
    *most, last = parts
    sentence = f"One run takes {', '.join(most)} and {last}."
    return " ".join(filter(None, (sentence, _stands_out(profile))))


def _stands_out(profile: Profile) -> str:
    """The kind of layer whose share of time is furthest above its share of MACs."""
    found = []
    for run in profile.latencies:
        seconds = kind_seconds(profile, run)
        for kind, (macs, _) in by_kind(profile.layers).items():
            part = seconds.get(kind, 0.0) / run.steps_s if run.steps_s else 0.0
            share = macs / profile.macs if profile.macs else 0.0
            if share > 0 and part > NOTABLE * share and part > 0.1:
                found.append((part / share, kind, share, part, run.runtime))
    if not found:
        return ""
    _, kind, share, part, runtime = max(found)
    return (
        f"Fewer operations are not always less time: {_layers_of(kind)} are {percent(share)} of "
        f"the MACs and {percent(part)} of the time in {WORDS[runtime]}."
    )


def kind_seconds(profile: Profile, run: RunLatency) -> dict[str, float]:
    """Time by kind of layer; a step that works for several kinds has a row of its own."""
    sums: dict[str, float] = {}
    for step in run.steps:
        kind = kind_of_step({profile.layers[i].kind for i in step.layers})
        sums[kind] = sums.get(kind, 0.0) + step.p50_s
    return sums


def run_facts(run: RunLatency) -> tuple[tuple[str, str], ...]:
    """How a run was measured, and how far its steps account for it."""
    total, steps = run.total, run.steps_s
    difference = percent(abs(steps - total.p50_s) / total.p50_s)
    difference += " less" if steps < total.p50_s else " more"
    facts = [
        ("One run", f"{format_seconds(total.p50_s)} (median of {total.runs})"),
        (
            "20th to 80th percentile",
            f"{format_seconds(total.p20_s)} to {format_seconds(total.p80_s)}",
        ),
        ("Threads", str(total.threads)),
        ("Runs to warm up", str(run.warm_up)),
        ("Steps added up", f"{format_seconds(steps)}, {difference} than one run"),
    ]
    if run.bound_s:
        reached = percent(run.bound_s / total.p50_s)
        facts.append(
            (
                "Bound of the machine",
                f"{format_seconds(run.bound_s)}; {reached} of that speed",
            )
        )
    return tuple(facts)


def energy_text(energy: Energy) -> str:
    """Joules, and what they come from; an estimate says that it is one."""
    where = f" in {WORDS[energy.runtime]}" if energy.runtime else ""
    how = "estimate from" if energy.estimate else "measured by"
    parts = "; ".join(f"{name} {format_joules(joules)}" for name, joules in energy.parts)
    return f"{format_joules(energy.joules)}{where}: {how} {energy.source}" + (
        f" ({parts})" if parts else ""
    )


def resident_text(resident: Resident) -> str:
    """How a process grew, beside what should have sufficed."""
    return (
        f"{format_bytes(resident.peak_bytes)} in {WORDS[resident.runtime]}; weights, activations, "
        f"input and output take {format_bytes(resident.planned_bytes)}"
    )
