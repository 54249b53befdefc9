"""Row-rolling: a whole inverted residual, or a depthwise separable pair, row by row.

For every output row: the input rows that are new to its window are expanded into a ring,
the depthwise convolution reads the ring and writes one line, the projection reads the line
and writes the output row, with the residual. The expanded tensor, the largest of the block,
never exists; ring and line stay in the second-level cache. The first convolution may as well
be a stem that reads the caller's planes, or be absent: then the depthwise reads the input.
MobileNetV2 (arXiv:1801.04381), section 5.1, shows that the inner tensor need not be kept;
the ring is this project's way to do so on a CPU.
"""

from dataclasses import dataclass, replace
from math import ceil

from lithe.engine.ir import Function, Value, module
from lithe.engine.isa import InstructionSet
from lithe.engine.kernels.conv import (
    Operands,
    call_panel,
    call_row,
    kernel_function,
    panel_functions,
    panels_of,
)
from lithe.engine.kernels.depthwise import RowDepthwise, depthwise_function
from lithe.engine.kernels.names import digest
from lithe.engine.kernels.row_conv import RowConv
from lithe.engine.kernels.window import Window, fetch_rows, point_rows
from lithe.engine.program import Kernel

_ROWS_AHEAD = 1  # rows that are asked for in advance, beyond those that come next
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
    above once more. The ring is kept by panels of channels: a panel's new rows are expanded
    and its depthwise follows while they are in the first-level cache.
    """
    name, scratch = _name(isa, work), _scratch_of(isa, work)
    kernel = Kernel(name, work, lambda: _ir(isa, name, work), scratch.bytes, scratch.parts)
    return kernel, work.images * work.window.height_out


def _ir(isa: InstructionSet, name: str, work: Rolling) -> str:
    rows = _Rows(isa, name, work)
    functions = []
    if work.expand:
        into = replace(work.expand, out_pitch=rows.width)
        functions += panel_functions(isa, "expand", into)
    slice_ = replace(work.depthwise, in_pitch=rows.pitch, channels=rows.width)
    if rows.full:
        functions.append(depthwise_function(isa, "depthwise", slice_))
    if rows.rest:
        rest = replace(slice_, channels=rows.rest)
        functions.append(depthwise_function(isa, "depthwise_rest", rest))
    if work.project:
        functions += panel_functions(isa, "project", work.project)
    rows.write()
    return module(isa, [*functions, rows.f.text])


def _name(isa: InstructionSet, work: Rolling) -> str:
    d = work.depthwise
    parts = [f"f32_rolling_k{d.kernel[0]}s{work.window.stride}_c{d.channels}w{d.pixels}"]
    if work.expand:
        parts.append(f"x{work.expand.tile[0]}x{work.expand.tile[1]}")
    if work.project:
        parts.append(f"p{work.project.tile[0]}x{work.project.tile[1]}")
    return f"{'_'.join(parts)}__{isa.name}_{digest(work)}"


@dataclass(frozen=True, slots=True)
class _Scratch:
    """Floats of the scratch in the order in which its parts lie there, 0 for what is not needed.

    `pitch` is from pixel to pixel of a row that the depthwise reads, `row` the whole of it.
    """

    pitch: int
    row: int
    rows: int  # of a ring
    zeros: int
    ring: int  # of all panels
    line: int

    @property
    def parts(self) -> tuple[tuple[str, int], ...]:
        """What for, and its bytes."""
        return tuple(
            (what, 4 * floats)
            for what, floats in (
                ("a row of zeros", self.zeros),
                (f"ring of {self.rows} expanded rows", self.ring),
                ("a line between depthwise and projection", self.line),
            )
            if floats
        )

    @property
    def bytes(self) -> int:
        """Of all parts."""
        return 4 * (self.zeros + self.ring + self.line)


def _scratch_of(isa: InstructionSet, work: Rolling) -> _Scratch:
    window, depthwise = work.window, work.depthwise
    panels = panels_of(isa, work.expand) if work.expand else None
    pitch = panels.width if panels else depthwise.in_pitch
    row = _whole_lines(depthwise.width_in * pitch)
    return _Scratch(
        pitch,
        row,
        window.kernel,
        row if window.pad else 0,
        panels.count * window.kernel * row if panels else 0,
        _whole_lines(depthwise.pixels * depthwise.out_pitch) if work.project else 0,
    )


class _Rows:
    """The kernel's function under construction: its pointers and its scratch."""

    def __init__(self, isa: InstructionSet, name: str, work: Rolling) -> None:
        self.isa, self.work = isa, work
        self.f = kernel_function(isa, name)
        self._taken = 0  # floats of the scratch
        self._arguments = 0
        self._point()
        window, channels = work.window, work.depthwise.channels
        if work.expand:
            panels = panels_of(isa, work.expand)
            self.width, self.full, self.rest = panels.width, panels.full, panels.rest
        else:
            self.width, self.full, self.rest = channels, 1, 0
        scratch = _scratch_of(isa, work)
        self.pitch, self.row_floats = scratch.pitch, scratch.row
        self.zeros = self._take(scratch.zeros) if scratch.zeros else "null"
        self.line = ""
        if work.expand and work.below:
            self.ring_floats = window.kernel * self.row_floats
            self.ring = self._take(scratch.ring)
            self.below_table = self.f.pointers(work.below.rows)
        if work.project:
            self.line = self._take(scratch.line)
        self.table = self.f.pointers(window.kernel)

    def _point(self) -> None:
        work = self.work
        self.source = self._argument()
        if work.expand:
            self.expand = self._argument(), self._argument()
        self.weights = self._argument()
        if work.project:
            self.project = self._argument(), self._argument()
        self.out = self._argument()
        last = work.project or work.depthwise
        self.residual = self._argument() if last.residual_pitch else "null"

    def _argument(self) -> str:
        self._arguments += 1
        return self.f.argument("%args", self._arguments - 1)

    def _take(self, floats: int) -> str:
        place = self.f.at("%scratch", self._taken)
        self._taken += floats
        return place

    def write(self) -> None:
        """The loop over the units."""
        f, window = self.f, self.work.window
        if window.pad:
            _zero(f, self.zeros, self.row_floats)

        def unit(index: Value, ready: list[str]) -> list[str]:
            image, y = f.div(index, window.height_out), f.rem(index, window.height_out)
            top = f.sub(f.mul(y, window.stride), window.pad)
            pixel = f.mul(index, self.work.depthwise.pixels)
            if not self.work.expand:
                base = f.at(self.source, f.mul(image, window.image_floats))
                ahead = f.add(top, window.kernel + _ROWS_AHEAD)
                fetch_rows(f, base, ahead, window.stride, window)
                self._depthwise_panel(0, self._input_rows(image, top), pixel)
                self._project(pixel)
                return []
            # The first row that this window sees, where an image or a thread begins.
            begins = f.let(f"icmp eq i64 {index}, %begin")
            at_top = f.let(f"icmp eq i64 {y}, 0")
            fresh = f.let(f"or i1 {begins}, {at_top}")
            first = f.max(top, 0)
            start = f.let(f"select i1 {fresh}, i64 {first}, i64 {ready[0]}")
            start = str(f.max(start, first))
            stop = f.min(f.add(top, window.kernel), window.height_in)
            below = self._below()
            base = f.at(self.source, f.mul(image, below.image_floats))
            if below.planes > 1:
                ahead = f.add(f.mul(f.add(stop, _ROWS_AHEAD), below.stride), -below.pad)
                fetch_rows(f, base, ahead, below.stride * window.stride, below)

            def panel(index: Value, _: list[str]) -> list[str]:
                ring = f.at(self.ring, f.mul(index, self.ring_floats))
                self._expand(index, base, ring, (start, stop))
                self._depthwise_panel(index, self._ring_rows(ring, top), pixel)
                return []

            f.loop(0, self.full, [], panel)
            if self.rest:
                panel(self.full, [])
            self._project(pixel)
            return [str(f.max(start, stop))]

        f.loop("%begin", "%end", ["0"] if self.work.expand else [], unit, kind="i64")

    def _below(self) -> Window:
        assert self.work.below is not None
        return self.work.below

    def _expand(self, panel: Value, base: str, ring: str, rows: tuple[Value, Value]) -> None:
        f, expand, below = self.f, self.work.expand, self._below()
        assert expand is not None
        panels = panels_of(self.isa, expand)
        # A panel's channels are all there is in its ring: they are written at its beginning.
        back = f.at(ring, f.sub(0, f.mul(panel, self.width)))

        def row(r: Value, _: list[str]) -> list[str]:
            slot = f.at(back, f.mul(f.rem(r, self.work.window.kernel), self.row_floats))
            if expand.direct:
                at = Operands(f.at(base, f.mul(r, below.row_floats)), *self.expand, slot)
            else:
                low, high = point_rows(f, self.below_table, base, r, below)
                at = Operands(self.below_table, *self.expand, slot, low=low, high=high)
            call_panel(f, "expand", panels, panel, at)
            return []

        f.loop(*rows, [], row)

    def _input_rows(self, image: Value, top: Value) -> list[str]:
        f, window = self.f, self.work.window
        base = f.at(self.source, f.mul(image, window.image_floats))
        rows = [f.add(top, ky * window.dilation) for ky in range(window.kernel)]
        return [self._or_zeros(r, f.at(base, f.mul(r, window.row_floats))) for r in rows]

    def _ring_rows(self, ring: str, top: Value) -> list[str]:
        f, window = self.f, self.work.window
        places = []
        for ky in range(window.kernel):
            r = f.add(top, ky)
            # A row above the image counts from the ring's end; it is not read.
            slot = f.rem(f.add(r, window.kernel * (1 + window.pad)), window.kernel)
            places.append(self._or_zeros(r, f.at(ring, f.mul(slot, self.row_floats))))
        return places

    def _or_zeros(self, r: Value, row: str) -> str:
        if not self.work.window.pad:
            return row
        # As an unsigned number a row above the image is larger than any in it.
        is_in = self.f.let(f"icmp ult i64 {r}, {self.work.window.height_in}")
        return self.f.let(f"select i1 {is_in}, ptr {row}, ptr {self.zeros}")

    def _depthwise_panel(self, panel: Value, rows: list[str], pixel: Value) -> None:
        f, conv = self.f, self.work.depthwise
        for ky, row in enumerate(rows):
            f.point(self.table, ky, row)
        channel = f.mul(panel, self.width)
        weights = f.at(self.weights, f.mul(channel, conv.taps() + 1))
        out, residual = self.line if self.work.project else "", "null"
        if not out:
            out = f.at(self.out, f.mul(pixel, conv.out_pitch))
            if conv.residual_pitch:
                residual = f.at(self.residual, f.mul(pixel, conv.residual_pitch))
                residual = f.at(residual, channel)
        name = "depthwise_rest" if self.rest and panel == self.full else "depthwise"
        pointers = self.table, weights, f.at(out, channel), residual
        f.call(name, *(("ptr", pointer) for pointer in pointers))

    def _project(self, pixel: Value) -> None:
        f, project = self.f, self.work.project
        if project is None:
            return
        residual = "null"
        if project.residual_pitch:
            residual = f.at(self.residual, f.mul(pixel, project.residual_pitch))
        out = f.at(self.out, f.mul(pixel, project.out_pitch))
        at = Operands(self.line, *self.project, out, residual)
        call_row(f, "project", panels_of(self.isa, project), at)


def _whole_lines(floats: int) -> int:
    return ceil(floats / _LINE) * _LINE


def _zero(f: Function, place: str, floats: int) -> None:
    zero = f.constant(0)

    def clear(index: Value, _: list[str]) -> list[str]:
        f.store(zero, f.at(place, index))
        return []

    f.loop(0, ceil(floats / f.isa.lanes) * f.isa.lanes, [], clear, step=f.isa.lanes)
