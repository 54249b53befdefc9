"""The three dimensions of one network on one screen of a terminal."""

from collections.abc import Iterator
from textwrap import wrap

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from lithe.profiling import Profile
from lithe.profiling.values import Buffer, RunLatency
from lithe.report.terminal import facts, head, plain, tail
from lithe.runtimes import WORDS
from lithe.units import format_bytes, format_count, format_joules, format_seconds, format_shape

MOST_LINES = 24  # of a summary
UNKNOWN = 2  # operators named in the summary

_Line = tuple[str, str, str, str]  # dimension, what, figure, what is said of it
_SAID = 53  # columns that are left for the last
_SHORT = {"lithe": "engine", "eager": "eager"}


def summary(profile: Profile) -> RenderableType:
    """Title, compute, memory, latency and energy, at most 24 lines of 80 columns."""
    title = plain(profile.name, "bold").append(
        f", input {format_shape(profile.input_shape)}", style="not bold"
    )
    lines = _all_lines(profile)
    parts: list[RenderableType] = [title, plain(_where(profile)), Text(), _sections(lines)]
    if notes_fit(profile):
        return Group(*parts, Text(), *notes_text(profile))
    if profile.notes:
        parts.append(Text(f"\nNotes at the end: {len(profile.notes)}."))
    return Group(*parts)


def notes_fit(profile: Profile) -> bool:
    """Whether the summary has room for the notes; else they belong to the end."""
    lines = sum(len(wrap(f"Note: {note}", 80)) for note in profile.notes)
    return 0 < lines <= MOST_LINES - len(_all_lines(profile)) - 4


def notes_text(profile: Profile) -> list[Text]:
    """One paragraph for each note."""
    return [plain(f"Note: {note}") for note in profile.notes]


def _all_lines(profile: Profile) -> list[_Line]:
    return [
        *_compute(profile),
        *_memory(profile),
        *_latency(profile),
        *_energy(profile),
    ]


def totals(profile: Profile) -> Table:
    """Compute, parameters and peak of the whole network, without a run; FLOPs from MACs."""
    bound = _at_least(profile)
    rows = [
        ("MACs", bound + format_count(profile.macs), f"{profile.macs:,}"),
        ("FLOPs", bound + format_count(profile.flops), f"{profile.flops:,} = 2 x MACs"),
        (
            "Params",
            bound + format_count(profile.params),
            f"{profile.params:,} ({format_bytes(profile.param_bytes)} in fp32)",
        ),
        (
            "Peak activations",
            bound + format_bytes(profile.peak_activation_bytes),
            f"{profile.peak_activation_bytes:,} bytes at {profile.peak_layer}",
        ),
    ]
    rows += [("Not counted", name, "no rule for this operator") for name in profile.unknown]
    return facts(rows)


def _at_least(profile: Profile) -> str:
    return "at least " if profile.unknown else ""


def _where(profile: Profile) -> str:
    if profile.prediction is not None:
        predicted = profile.prediction
        kind = "by its data sheet" if predicted.device.kind == "data sheet" else "as measured there"
        threads = _threads(predicted.threads)
        left = 80 - len(f"predicted for {threads} of , {kind}; float32")
        return f"predicted for {threads} of {head(predicted.device.name, left)}, {kind}; float32"
    if not profile.latencies:
        return "counted, nothing was run; float32"
    counts = {run.total.threads for run in profile.latencies}
    on = " or ".join(_threads(count) for count in sorted(counts))
    device = profile.device
    isa = f" ({head(device.isa, 10)})" if device and device.isa else ""
    left = 80 - len(f"measured on {on} of {isa}; float32")
    return (
        f"measured on {on}"
        + (f" of {head(device.name, left)}" if device else "")
        + f"{isa}; float32"
    )


def _threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"


def _sections(lines: list[_Line]) -> Table:
    """Lines with their dimension's name before the first of them."""
    result = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1, 0, 0))
    for _ in range(2):
        result.add_column(no_wrap=True)
    result.add_column(justify="right", no_wrap=True)
    result.add_column(overflow="fold")
    before = ""
    for dimension, name, figure, said in lines:
        shown = dimension if dimension != before else ""
        result.add_row(plain(shown, "bold"), plain(name), plain(figure), plain(said))
        before = dimension
    return result


def _compute(profile: Profile) -> Iterator[_Line]:
    bound = _at_least(profile)
    flops = f"{format_count(profile.flops)} FLOPs (1 MAC = 2 FLOPs)"
    least = "≥" if profile.unknown else ""
    macs = least + format_count(profile.macs)
    yield "Compute", "MACs", macs, f"{bound}{profile.macs:,}; {flops}"
    if profile.other_ops:
        other = least + format_count(profile.other_ops)
        yield "Compute", "other", other, "on elements: activations, pooling, additions"
    size = f"{bound}{profile.params:,}; {format_bytes(profile.param_bytes)} in float32"
    yield "Compute", "params", least + format_count(profile.params), size
    if profile.unknown:
        more = len(profile.unknown) - UNKNOWN
        rest = f" and {more} more" if more > 0 else ""
        said = tail(", ".join(profile.unknown[:UNKNOWN]), _SAID - len(rest)) + rest
        yield "Compute", "no rule", str(len(profile.unknown)), said


def _memory(profile: Profile) -> Iterator[_Line]:
    least = "≥" if profile.unknown else ""
    layers = profile.memory_use("layers")
    peak = least + format_bytes(profile.peak_activation_bytes)
    at = tail(profile.peak_layer.removesuffix(".conv"), _SAID - len("layer by layer, at "))
    yield "Memory", "peak", peak, "layer by layer" + (f", at {at}" if at else "")
    if layers is not None and layers.steps:
        yield "Memory", "", "", _alive(layers.at_peak)
    plan = profile.memory_use("lithe")
    if plan is not None and plan.steps:
        # With unknown operators the engine has no plan, so this one is never a bound.
        at = plan.steps[plan.peak_step].removesuffix(".conv")
        said = "engine's plan"
        if plan.allocated_bytes is not None:
            said += f" ({format_bytes(plan.allocated_bytes)} allocated)"
        said += f", at {tail(at, _SAID - len(said) - 5)}"
        yield "Memory", "peak", format_bytes(plan.peak_bytes), said
        yield "Memory", "", "", _alive(plan.at_peak, plan.scratch_bytes[plan.peak_step])
    if profile.moved_bytes:
        moved = least + format_bytes(profile.moved_bytes)
        yield "Memory", "moved", moved, "in and out of all layers, one by one"
    for each in profile.resident:
        planned = format_bytes(each.planned_bytes)
        said = f"{_SHORT[each.runtime]}, measured; {planned} planned"
        yield "Memory", "resident", format_bytes(each.peak_bytes), said


def _alive(buffers: tuple[Buffer, ...], scratch_bytes: int = 0) -> str:
    """What is alive, the largest first, as much as fits."""
    parts = [f"{format_bytes(buffer.bytes)} {_layer(buffer.name)}" for buffer in buffers]
    if scratch_bytes:
        parts.append(f"{format_bytes(scratch_bytes)} scratch")
    said = parts[0] if parts else "nothing"
    for index, part in enumerate(parts[1:], 1):
        left = len(parts) - index - 1
        rest = f" + {left} more" if left else ""
        if len(f"{said} + {part}{rest}") > _SAID:
            return f"{said} + {left + 1} more"
        said = f"{said} + {part}"
    return said


def _layer(name: str) -> str:
    return tail(name.removesuffix(".conv"), 20)


def _latency(profile: Profile) -> Iterator[_Line]:
    for run in profile.latencies:
        yield from _run(run)
    if len(profile.latencies) == 2:
        first, second = (run.total for run in profile.latencies)
        ratio = second.p50_s / first.p50_s
        said = f"x as long in {WORDS[second.runtime]} as in {WORDS[first.runtime]}"
        yield "Latency", "ratio", f"{ratio:.2f}", said
    if profile.prediction is not None:
        said = "at least: no machine reaches every bound"
        yield "Latency", "predicted", format_seconds(profile.prediction.seconds), said
    elif not profile.latencies:
        yield "Latency", "", "-", "not measured"


def _run(run: RunLatency) -> Iterator[_Line]:
    total = run.total
    spread = f"{format_seconds(total.p20_s)} to {format_seconds(total.p80_s)} (p20, p80)"
    runs = f"{total.runs} runs after {run.warm_up}"
    yield "Latency", _SHORT[run.runtime], format_seconds(total.p50_s), f"{spread}; {runs}"
    if run.bound_s is not None and run.steps_s:
        yield (
            "Latency",
            "  reached",
            f"{run.bound_s / total.p50_s:.0%}",
            f"of the bound ({format_seconds(run.bound_s)}); {_sides(run)}",
        )
    if run.steps:
        difference = run.steps_s / total.p50_s - 1
        less = "less" if difference < 0 else "more"
        said = f"{len(run.steps)} steps added up: {abs(difference):.1%} {less} than the whole"
        yield "Latency", "  steps", format_seconds(run.steps_s), said


def _sides(run: RunLatency) -> str:
    """What binds for most of the time."""
    seconds: dict[str, float] = {}
    for step in run.steps:
        if step.bound is not None:
            seconds[step.bound.side] = seconds.get(step.bound.side, 0.0) + step.p50_s
    side, most = max(seconds.items(), key=lambda item: item[1])
    return f"{side} binds {most / run.steps_s:.0%} of time"


def _energy(profile: Profile) -> Iterator[_Line]:
    for energy in profile.energy:
        where = f", {_SHORT[energy.runtime]}" if energy.runtime else ""
        said = tail(energy.source, _SAID - len(where))
        kind = "estimate" if energy.estimate else "measured"
        yield "Energy", kind, format_joules(energy.joules), said + where
