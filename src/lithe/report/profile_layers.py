"""The table of layers on a terminal, with what was measured on the line of its step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from rich.console import Group, RenderableType
from rich.text import Text

from lithe.cost import LayerCost
from lithe.profiling import Profile
from lithe.profiling.values import RunLatency
from lithe.report.module_tree import common_path
from lithe.report.scale import counts, sizes, times
from lithe.report.step_groups import Sort, StepGroup, sorted_groups, step_groups
from lithe.report.terminal import WIDE, Column, table, tail
from lithe.runtimes import WORDS
from lithe.units import format_shape

WIDE_TIMED = 132  # columns from which a table with times shows everything
FEWEST = 12  # columns for a name
_KINDS = {
    "pointwise": "1x1", "depthwise": "dw", "standard": "conv", "grouped": "grouped",
    "linear": "linear", "unknown": "unknown",
}  # fmt: skip
_OPS = {"avg": "avg pool", "max": "max pool"}
_SIDES = {"arithmetic": "arith.", "memory": "memory", "overhead": "overh."}
_SORTED = {"macs": "MACs", "params": "parameters", "memory": "live bytes", "time": "time"}


@dataclass(frozen=True, slots=True)
class _Line:
    """One line: a step with its layers' sums, a layer of such a step, or both in one."""

    name: str
    kind: str
    layer: LayerCost | None  # None for a step that has lines of its own for its layers
    macs: int
    params: int
    moved_bytes: int
    group: StepGroup | None  # None for a layer below its step's line
    eager_s: float | None = None


def layers_text(profile: Profile, sort: Sort | None = None, width: int = 80) -> RenderableType:
    """Heading, a line per layer and per step of several layers, and what the columns mean."""
    run = next(iter(profile.latencies), None)
    wide = width >= (WIDE if run is None else WIDE_TIMED)
    groups = sorted_groups(profile, step_groups(profile, run), sort)
    lines = [line for group in groups for line in _lines(profile, group, wide)]
    order = f"by {_SORTED[sort]}, largest first" if sort else "in order of processing"
    heading = Text.assemble((f"Layers {order}", "bold"), _measured_in(profile, run))
    legend = _legend(profile, run, any(len(group.layers) > 1 for group in groups))
    return Group(heading, _table(profile, run, lines, wide, width), Text(legend))


def _measured_in(profile: Profile, run: RunLatency | None) -> str:
    if run is not None:
        return f"; time in {WORDS[run.runtime]}, medians"
    return "; least time predicted" if profile.prediction else ""


def _lines(profile: Profile, group: StepGroup, wide: bool) -> list[_Line]:
    eager = _eager_times(profile)
    rows = [profile.layers[i] for i in group.layers]
    if len(rows) == 1:
        (index,), (row,) = group.layers, rows
        again = bool(group.again)
        moved = group.step.moved_bytes if group.step else row.moved_bytes
        macs = 0 if again else row.macs
        params = 0 if again else row.params
        name = _name(row) + (" (again)" if again else "")
        return [_Line(name, _kind(row), row, macs, params, moved, group, eager.get(index))]
    own = [profile.layers[i] for i in group.layers if i not in group.again]
    shared = common_path([row.path for row in rows])
    assert group.step is not None  # only a step gathers layers
    first = _Line(
        shared or group.step.label,
        f"{len(rows)} in one" if rows else "step",
        None,
        group.step.macs,
        sum(row.params for row in own),
        group.step.moved_bytes,
        group,
        sum(times_s) if (times_s := [eager[i] for i in group.layers if i in eager]) else None,
    )
    below = []
    for number, (index, row) in enumerate(zip(group.layers, rows, strict=True)):
        mark = "└ " if number == len(rows) - 1 else "├ "
        again = index in group.again
        name = _name(row).removeprefix(f"{shared}.") + (" (again)" if again else "")
        macs, params = (0, 0) if again else (row.macs, row.params)
        moved = 0 if again else row.moved_bytes
        below.append(
            _Line(mark + name, _kind(row), row, macs, params, moved, None, eager.get(index))
        )
    return [first, *below]


def _eager_times(profile: Profile) -> dict[int, float]:
    """The time of each layer in eager PyTorch, where that ran it as a step of its own."""
    run = profile.latency("eager")
    found: dict[int, float] = {}
    for step in run.steps if run else ():
        if len(step.layers) == 1:
            found[step.layers[0]] = found.get(step.layers[0], 0.0) + step.p50_s
    return found


def _name(layer: LayerCost) -> str:
    """Path, and the operator where nobody knows what it is."""
    return f"{layer.path} {layer.op}".strip() if layer.kind == "unknown" else layer.path


def _kind(layer: LayerCost) -> str:
    return _OPS.get(layer.op, layer.op) if layer.kind == "other" else layer.kind


def _table(
    profile: Profile, run: RunLatency | None, lines: Sequence[_Line], wide: bool, width: int
) -> RenderableType:
    macs = counts(line.macs for line in lines)
    params = counts(line.params for line in lines)
    # Activations and traffic in one unit, so that they can be compared across, too.
    held = sizes(
        max(line.moved_bytes, line.layer.live_bytes if line.layer else 0) for line in lines
    )
    bounds = [line.group.bound for line in lines if line.group and line.group.bound]
    spent = times(
        [line.group.seconds for line in lines if line.group] + [b.seconds for b in bounds]
    )
    two = run is not None and run.runtime == "lithe" and profile.latency("eager") is not None
    cells: list[tuple[Column, Callable[[_Line], str]]] = [
        (Column("Kind"), lambda line: _shown_kind(line.kind, wide)),
    ]
    timed = run is not None or bool(bounds)
    if wide or not timed:
        cells.append((Column("Output"), lambda line: _map(line.layer) if line.layer else ""))
    cells.append((_figures("MACs", macs.unit), lambda line: macs.text(line.macs)))
    if wide or not timed:
        cells.append((Column("share", figures=True), lambda line: _share(line.macs, profile.macs)))
    cells += [
        (_figures("Params", params.unit), lambda line: params.text(line.params)),
        (
            _figures("Activ.", held.unit),
            lambda line: held.text(line.layer.activation_bytes) if line.layer else "",
        ),
        (
            _figures("Live", held.unit),
            lambda line: held.text(line.layer.live_bytes) if line.layer else "",
        ),
        (_figures("Moved", held.unit), lambda line: held.text(line.moved_bytes)),
    ]
    if run is not None:
        cells.append(
            (
                _figures("Time", spent.unit),
                lambda line: spent.text(line.group.seconds) if line.group else "",
            )
        )
    if bounds:
        cells.append(
            (
                _figures("Bound", spent.unit if wide or run is None else "reached"),
                lambda line: _bound(line, spent.text, wide or run is None),
            )
        )
        if wide and run is not None:
            cells.append(
                (Column("reached", figures=True), lambda line: _bound(line, spent.text, False))
            )
        cells.append((Column("Side"), lambda line: _side(line, wide)))
    if two and wide:
        cells.append((_figures("Eager", spent.unit), lambda line: spent.text(line.eager_s)))
    figures = [[cell(line) for _, cell in cells] for line in lines]
    gap: Literal[1, 2] = 2 if wide else 1
    left = width - sum(
        gap + max(map(len, (*column.name.split("\n"), *cells_of)))
        for (column, _), *cells_of in zip(cells, *figures, strict=True)
    )
    names = [_short(line.name, max(left, FEWEST), wide) for line in lines]
    return table(
        [Column("Layer"), *(column for column, _ in cells)],
        [[name, *row] for name, row in zip(names, figures, strict=True)],
        gap,
    )


def _figures(name: str, unit: str) -> Column:
    return Column(f"{name}\n{unit}" if unit else name, figures=True)


def _short(name: str, length: int, wide: bool) -> str:
    """The end of a long path, without what every convolution ends with."""
    name = name if wide else name.removesuffix(".conv")
    mark = name[:2] if name[:2] in ("├ ", "└ ") else ""
    return mark + tail(name[len(mark) :], length - len(mark))


def _shown_kind(kind: str, wide: bool) -> str:
    return kind if wide else _KINDS.get(kind, kind)


def _map(layer: LayerCost) -> str:
    """A tensor without its batch as the V2 paper writes it: 112² x 96."""
    match layer.out_shape:
        case (_, c, h, w):
            return f"{h}² x {c}" if h == w else f"{h} x {w} x {c}"
        case _:
            return format_shape(layer.out_shape[1:])


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if part and whole else "-"


def _bound(line: _Line, time: Callable[[float | None], str], as_time: bool) -> str:
    if line.group is None or line.group.bound is None:
        return ""
    if as_time:
        return time(line.group.bound.seconds)
    return f"{line.group.share:.0%}" if line.group.share is not None else ""


def _side(line: _Line, wide: bool) -> str:
    if line.group is None or line.group.bound is None:
        return ""
    side = line.group.bound.side
    return side if wide else _SIDES[side]


def _legend(profile: Profile, run: RunLatency | None, grouped: bool) -> str:
    said = (
        "1 MAC = 2 FLOPs. Activ.: the tensor that it makes. Live: all that is alive while it runs, "
        "one layer after the other. Moved: weights, inputs and output, each once."
    )
    if grouped:
        said += (
            "\nLayers marked ├ └ run as one step. Its line has the time, the bound and what the "
            "whole step moves; their own lines have what each would move by itself."
        )
    if run is not None and run.bound_s is not None:
        said += (
            "\nBound: the least time that the measured peaks of this machine allow; reached: its "
            "share of the time. Side: what binds, arithmetic, memory or the runtime's overhead."
        )
    elif run is None and profile.prediction is not None:
        said += (
            "\nBound: the least time that the machine allows by its figures. Side: what binds, "
            "arithmetic, memory or the runtime's overhead."
        )
    return said
