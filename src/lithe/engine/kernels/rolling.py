"""Row-rolling: a whole inverted residual, or a depthwise separable pair, row by row.

For every output row: the input rows that are new to its window are expanded into a ring,
the depthwise convolution reads the ring and writes one line, the projection reads the line
and writes the output row, with the residual. The expanded tensor, the largest of the block,
never exists; ring and line stay in the second-level cache. The first convolution may as well
be a stem that reads the caller's planes, or be absent: then the depthwise reads the input.
MobileNetV2 (arXiv:1801.04381), section 5.1, shows that the inner tensor need not be kept;
the ring is this project's way to do so on a CPU.
"""

from dataclasses import dataclass
from math import ceil

from lithe.engine.ir import Function, Value, module
from lithe.engine.isa import InstructionSet
from lithe.engine.kernels.conv import (
    Operands,
    call_row,
    kernel_function,
    panel_functions,
    panels_of,
)
from lithe.engine.kernels.depthwise import RowDepthwise, depthwise_function
from lithe.engine.kernels.names import digest
from lithe.engine.kernels.rows import RowConv
from lithe.engine.kernels.window import Window, point_rows
from lithe.engine.program import Kernel

_LINE = 16  # float32 of a cache line: every part of the scratch starts on one


@dataclass(frozen=True, slots=True)
class Rolling:
    """The shapes of a block: `expand` (or none), `depthwise` and `project` (or none), in rows.

    `below` is the window of the expansion over the block's input, `window` that of the
    depthwise over the expanded rows. Without an expansion `window` is over the input. Without
    a projection the depthwise writes the output.
    """

    images: int
    window: Window
    depthwise: RowDepthwise
    expand: RowConv | None = None
    below: Window | None = None
    project: RowConv | None = None


def rolling_kernel(isa: InstructionSet, work: Rolling) -> tuple[Kernel, int]:
    """args: in[, expand, bias], depthwise[, project, bias], out[, residual], weights packed.

    A unit is an output row. Threads that start in the middle of an image expand the rows
    above once more.
    """
    name = _name(isa, work)
    rows = _Rows(isa, name, work)
    functions = [depthwise_function(isa, "depthwise", work.depthwise)]
    if work.expand:
        functions += panel_functions(isa, "expand", work.expand)
    if work.project:
        functions += panel_functions(isa, "project", work.project)
    rows.write()
    kernel = Kernel(name, module(isa, [*functions, rows.f.text]), 4 * rows.scratch_floats)
    return kernel, work.images * work.window.height_out


def _name(isa: InstructionSet, work: Rolling) -> str:
    d = work.depthwise
    parts = [f"f32_rolling_k{d.kernel[0]}s{work.window.stride}_c{d.channels}w{d.pixels}"]
    if work.expand:
        parts.append(f"x{work.expand.tile[0]}x{work.expand.tile[1]}")
    if work.project:
        parts.append(f"p{work.project.tile[0]}x{work.project.tile[1]}")
    return f"{'_'.join(parts)}__{isa.name}_{digest(work)}"


class _Rows:
    """The kernel's function under construction: its pointers and its scratch."""

    def __init__(self, isa: InstructionSet, name: str, work: Rolling) -> None:
        self.isa, self.work = isa, work
        self.f = kernel_function(isa, name)
        self.scratch_floats = 0
        self._arguments = 0
        self.source = self._argument()
        if work.expand:
            self.expand = self._argument(), self._argument()
        self.weights = self._argument()
        if work.project:
            self.project = self._argument(), self._argument()
        self.out = self._argument()
        last = work.project or work.depthwise
        self.residual = self._argument() if last.residual_pitch else "null"
        window = work.window
        self.zeros = self._take(window.row_floats) if window.pad else "null"
        if work.expand and work.below:
            self.ring_floats = _whole_lines(window.row_floats)
            self.ring = self._take(window.kernel * self.ring_floats)
            self.below_table = self.f.pointers(work.below.rows)
        self.line = (
            self._take(work.depthwise.pixels * work.depthwise.out_pitch) if work.project else ""
        )
        self.table = self.f.pointers(window.kernel)

    def _argument(self) -> str:
        self._arguments += 1
        return self.f.argument("%args", self._arguments - 1)

    def _take(self, floats: int) -> str:
        place = self.f.at("%scratch", self.scratch_floats)
        self.scratch_floats += _whole_lines(floats)
        return place

    def write(self) -> None:
        f, window = self.f, self.work.window
        if window.pad:
            _zero(f, self.zeros, window.row_floats)

        def unit(index: Value, ready: list[str]) -> list[str]:
            image, y = f.div(index, window.height_out), f.rem(index, window.height_out)
            top = f.sub(f.mul(y, window.stride), window.pad)
            new = ready
            if self.work.expand:
                # The first row that this window sees, where an image or a thread begins.
                begins = f.let(f"icmp eq i64 {index}, %begin")
                at_top = f.let(f"icmp eq i64 {y}, 0")
                fresh = f.let(f"or i1 {begins}, {at_top}")
                first = f.max(top, 0)
                start = f.let(f"select i1 {fresh}, i64 {first}, i64 {ready[0]}")
                start = str(f.max(start, first))
                stop = f.min(f.add(top, window.kernel), window.height_in)
                self._expand(image, start, stop)
                new = [str(f.max(start, stop))]
            self._depthwise(image, y, index)
            return new

        f.loop("%begin", "%end", ["0"] if self.work.expand else [], unit, kind="i64")

    def _expand(self, image: Value, start: Value, stop: Value) -> None:
        f, work = self.f, self.work
        assert work.expand is not None
        assert work.below is not None
        below, expand = work.below, work.expand
        panels = panels_of(self.isa, expand)
        base = f.at(self.source, f.mul(image, below.image_floats))

        def row(r: Value, _: list[str]) -> list[str]:
            slot = f.at(self.ring, f.mul(f.rem(r, work.window.kernel), self.ring_floats))
            if expand.direct:
                at = Operands(f.at(base, f.mul(r, below.row_floats)), *self.expand, slot)
            else:
                low, high = point_rows(f, self.below_table, base, r, below)
                at = Operands(self.below_table, *self.expand, slot, low=low, high=high)
            call_row(f, "expand", panels, at)
            return []

        f.loop(start, stop, [], row)

    def _depthwise(self, image: Value, y: Value, index: Value) -> None:
        f, work = self.f, self.work
        window = work.window
        top = f.sub(f.mul(y, window.stride), window.pad)
        base = f.at(self.source, f.mul(image, window.image_floats))
        for ky in range(window.kernel):
            r = f.add(top, ky * window.dilation)
            if work.expand:
                # A row above the image counts from the ring's end; it is not read.
                slot = f.rem(f.add(r, window.kernel * (1 + window.pad)), window.kernel)
                row = f.at(self.ring, f.mul(slot, self.ring_floats))
            else:
                row = f.at(base, f.mul(r, window.row_floats))
            if window.pad:
                # As an unsigned number a row above the image is larger than any in it.
                is_in = f.let(f"icmp ult i64 {r}, {window.height_in}")
                row = f.let(f"select i1 {is_in}, ptr {row}, ptr {self.zeros}")
            f.point(self.table, ky, row)
        pixel = f.mul(index, work.depthwise.pixels)
        last = work.project or work.depthwise
        out = f.at(self.out, f.mul(pixel, last.out_pitch))
        residual = "null"
        if last.residual_pitch:
            residual = f.at(self.residual, f.mul(pixel, last.residual_pitch))
        if work.project is None:
            self._call_depthwise(out, residual)
        else:
            self._call_depthwise(self.line, "null")
            at = Operands(self.line, *self.project, out, residual)
            call_row(f, "project", panels_of(self.isa, work.project), at)

    def _call_depthwise(self, out: str, residual: str) -> None:
        pointers = self.table, self.weights, out, residual
        self.f.call("depthwise", *(("ptr", pointer) for pointer in pointers))


def _whole_lines(floats: int) -> int:
    return ceil(floats / _LINE) * _LINE


def _zero(f: Function, place: str, floats: int) -> None:
    zero = f.constant(0)

    def clear(index: Value, _: list[str]) -> list[str]:
        f.store(zero, f.at(place, index))
        return []

    f.loop(0, ceil(floats / f.isa.lanes) * f.isa.lanes, [], clear, step=f.isa.lanes)
