"""A profile as a notebook shows it: the three dimensions, then the layers, in its own colours.

Two HTML tables without a script or a style sheet.
"""

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

from lithe.runtimes import WORDS
from lithe.units import (
    format_bytes,
    format_count,
    format_joules,
    format_seconds,
    format_shape,
)

if TYPE_CHECKING:
    from lithe.cost import LayerCost
    from lithe.profiling.values import Profile, RunLatency

_HEAD = ("Layer", "Kind", "Input", "Output", "MACs", "Params", "Activation", "Live", "Moved")
_TEXT_COLUMNS = 4  # the columns before the first figure
_LEFT, _RIGHT = ' style="text-align:left"', ' style="text-align:right"'


def as_html(profile: "Profile") -> str:
    """A line per dimension under the network's name, then a line per layer.

    Where times were measured, a step that does the work of several layers has its time on
    the line of the first of them, and the others refer to it.
    """
    shape = format_shape(profile.input_shape)
    caption = f"<caption{_LEFT}><b>{escape(profile.name)}</b>, input {shape}</caption>"
    dimensions = "".join(
        f"<tr><th{_LEFT}>{name}</th><td{_LEFT}>{escape(said)}</td></tr>"
        for name, said in _dimensions(profile)
    )
    run = next(iter(profile.latencies), None)
    times = {} if run is None else _times(run)
    names = (*_HEAD, *([f"Time, {WORDS[run.runtime]}"] if run else []))
    head = "".join(f"<th{_align(i)}>{escape(name)}</th>" for i, name in enumerate(names))
    body = "".join(
        f"<tr>{_line(layer, times.get(i, '-') if run else None)}</tr>"
        for i, layer in enumerate(profile.layers)
    )
    return (
        f"<table>{caption}<tbody>{dimensions}</tbody></table>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _dimensions(profile: "Profile") -> Iterator[tuple[str, str]]:
    bound = "at least " if profile.unknown else ""
    compute = (
        f"{bound}{format_count(profile.macs)} MACs = {format_count(profile.flops)} FLOPs "
        f"(1 MAC = 2 FLOPs), {bound}{format_count(profile.params)} params"
    )
    if profile.unknown:
        compute += f"; not counted: {', '.join(profile.unknown)}"
    yield "Compute", compute
    memory = (
        f"peak activations {bound}{format_bytes(profile.peak_activation_bytes)} layer by layer, "
        f"at {profile.peak_layer}"
    )
    plan = profile.memory_use("lithe")
    if plan is not None and plan.steps:
        memory += f"; {format_bytes(plan.peak_bytes)} under the engine's plan"
    yield "Memory", memory
    yield "Latency", "; ".join(_latencies(profile)) or "not measured"
    for energy in profile.energy:
        kind = "estimate" if energy.estimate else "measured"
        yield "Energy", f"{format_joules(energy.joules)}, {kind}: {energy.source}"
    for note in profile.notes:
        yield "Note", note


def _latencies(profile: "Profile") -> Iterator[str]:
    for run in profile.latencies:
        total = run.total
        said = f"{format_seconds(total.p50_s)} in {WORDS[run.runtime]}, threads: {total.threads}"
        if run.bound_s is not None:
            said += f", {run.bound_s / total.p50_s:.0%} of the bound"
        yield said
    if profile.prediction is not None:
        device = profile.prediction.device.name
        yield f"predicted, at least {format_seconds(profile.prediction.seconds)} on {device}"


def _times(run: "RunLatency") -> dict[int, str]:
    """By layer the time of the first step that works for it, on the first layer of that step."""
    found: dict[int, str] = {}
    for step in run.steps:
        for number, layer in enumerate(sorted(step.layers)):
            found.setdefault(layer, format_seconds(step.p50_s) if number == 0 else "in it")
    return found


def _line(layer: "LayerCost", time: str | None) -> str:
    cells = (
        layer.path,
        layer.op if layer.kind == "unknown" else layer.kind,
        " x ".join(map(str, layer.in_shape)),
        " x ".join(map(str, layer.out_shape)),
        format_count(layer.macs),
        format_count(layer.params),
        format_bytes(layer.activation_bytes),
        format_bytes(layer.live_bytes),
        format_bytes(layer.moved_bytes),
        *([] if time is None else [time]),
    )
    return "".join(f"<td{_align(i)}>{escape(cell)}</td>" for i, cell in enumerate(cells))


def _align(column: int) -> str:
    return _LEFT if column < _TEXT_COLUMNS else _RIGHT
