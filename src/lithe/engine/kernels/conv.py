"""A whole convolution, one kernel: which unit of work is which rows and which channels."""

from dataclasses import dataclass, replace
from math import ceil

from lithe.engine.ir import Function, Value, module
from lithe.engine.isa import InstructionSet
from lithe.engine.kernels.names import digest
from lithe.engine.kernels.row_conv import RowConv
from lithe.engine.kernels.rows import panel_function
from lithe.engine.kernels.window import Window, point_rows
from lithe.engine.program import Kernel


@dataclass(frozen=True, slots=True)
class Panels:
    """The panels of a row function as they are called: full ones, then a narrower rest."""

    conv: RowConv
    width: int
    full: int
    rest: int  # channels of the last, narrower panel; 0: there is none

    @property
    def count(self) -> int:
        """Panels in all."""
        return self.full + (self.rest > 0)


def panels_of(isa: InstructionSet, conv: RowConv) -> Panels:
    """How `conv.n` channels fall into panels."""
    width = conv.panel_width(isa)
    count = conv.panels(isa)
    rest = conv.n - (count - 1) * width
    return Panels(conv, width, count if rest == width else count - 1, rest % width)


def panel_functions(isa: InstructionSet, name: str, conv: RowConv) -> list[str]:
    """The functions `name` and, where the last panel is narrower, `name_rest`."""
    panels = panels_of(isa, conv)
    texts = []
    if panels.full:
        texts.append(panel_function(isa, name, conv, panels.width))
    if panels.rest:
        texts.append(panel_function(isa, f"{name}_rest", conv, panels.rest))
    return texts


@dataclass(frozen=True, slots=True)
class Operands:
    """Registers that a row is called with; `low` and `high` bound the rows of an array."""

    rows: str
    weights: str
    bias: str
    out: str
    residual: str = "null"
    low: Value = 0
    high: Value = 1


def call_panel(f: Function, name: str, panels: Panels, index: Value, at: Operands) -> None:
    """Compute panel `index` of a row; where it may be either, full or rest, a branch decides."""
    conv = panels.conv
    channel = f.mul(index, panels.width)

    def call(target: str) -> None:
        weights = f.at(at.weights, f.mul(index, conv.rows * conv.columns * conv.k * panels.width))
        residual = f.at(at.residual, channel) if conv.residual_pitch else "null"
        f.call(
            target,
            ("ptr", at.rows),
            ("i64", at.low),
            ("i64", at.high),
            ("ptr", weights),
            ("ptr", f.at(at.bias, channel)),
            ("ptr", f.at(at.out, channel)),
            ("ptr", residual),
        )

    if isinstance(index, int):
        call(name if index < panels.full else f"{name}_rest")
    elif not panels.rest:
        call(name)
    elif not panels.full:
        call(f"{name}_rest")
    else:
        f.when(f.less(index, panels.full), lambda: call(name))
        f.when(f.less(panels.full - 1, index), lambda: call(f"{name}_rest"))


def call_row(f: Function, name: str, panels: Panels, at: Operands) -> None:
    """Compute every panel of a row."""

    def body(index: Value, _: list[str]) -> list[str]:
        call_panel(f, name, panels, index, at)
        return []

    f.loop(0, panels.full, [], body)
    if panels.rest:
        call_panel(f, name, panels, panels.full, at)


def kernel_function(isa: InstructionSet, name: str) -> Function:
    """The one global function of a kernel's module."""
    params = [("ptr", "args"), ("i64", "begin"), ("i64", "end"), ("ptr", "scratch")]
    return Function(isa, name, params, linkage="")


@dataclass(frozen=True, slots=True)
class Pointwise:
    """A 1x1 convolution of stride 1 over `pixels` of a whole batch, in blocks of them."""

    conv: RowConv  # its `pixels` are those of one block
    pixels: int

    @property
    def blocks(self) -> int:
        """Blocks of pixels."""
        return ceil(self.pixels / self.conv.pixels)


def pointwise_kernel(isa: InstructionSet, work: Pointwise) -> tuple[Kernel, int]:
    """args: in, weights, bias, out[, residual]. A unit is one panel of one block.

    A block's pixels stay in the second-level cache while the panels pass over them.
    """
    conv = work.conv
    name = f"f32_pw_m{work.pixels}n{conv.n}k{conv.k}{_act(conv)}_{_tile(conv)}__{isa.name}"
    name = f"{name}_{digest(work)}"
    units = work.blocks * panels_of(isa, conv).count
    return Kernel(name, work, lambda: _pointwise_ir(isa, name, work)), units


def _pointwise_ir(isa: InstructionSet, name: str, work: Pointwise) -> str:
    conv = work.conv
    panels = panels_of(isa, conv)
    last = work.pixels - (work.blocks - 1) * conv.pixels
    functions = panel_functions(isa, "panel", conv)
    short = conv
    if last != conv.pixels:
        short = replace(conv, pixels=last)
        functions += panel_functions(isa, "short", short)
    f = kernel_function(isa, name)
    source, weights, bias, out = (f.argument("%args", index) for index in range(4))
    residual = f.argument("%args", 4) if conv.residual_pitch else "null"

    def unit(index: Value, _: list[str]) -> list[str]:
        block, panel = f.div(index, panels.count), f.rem(index, panels.count)
        pixel = f.mul(block, conv.pixels)
        at = Operands(
            f.at(source, f.mul(pixel, conv.in_pitch)),
            weights,
            bias,
            f.at(out, f.mul(pixel, conv.out_pitch)),
            f.at(residual, f.mul(pixel, conv.residual_pitch)) if conv.residual_pitch else "null",
        )
        if short is conv:
            call_panel(f, "panel", panels, panel, at)
        else:
            is_full = f.less(block, work.blocks - 1)
            f.when(is_full, lambda: call_panel(f, "panel", panels, panel, at))
            is_last = f.less(work.blocks - 2, block)
            f.when(is_last, lambda: call_panel(f, "short", panels_of(isa, short), panel, at))
        return []

    f.loop("%begin", "%end", [], unit)
    return module(isa, [*functions, f.text])


@dataclass(frozen=True, slots=True)
class Conv:
    """A convolution in rows: `images` of a batch, `groups` of channels, all shapes known.

    `by_panel` goes through all rows for one panel of weights before the next, where the
    weights are larger than the second-level cache.
    """

    row: RowConv
    window: Window
    images: int
    groups: int = 1
    by_panel: bool = False


def conv_kernel(isa: InstructionSet, work: Conv) -> tuple[Kernel, int]:
    """args: in, weights, bias, out[, residual]. A unit is one panel of one output row."""
    row, window = work.row, work.window
    panels = panels_of(isa, row)
    name = (
        f"f32_conv_k{window.kernel}x{row.columns}s{window.stride}_c{row.k}n{row.n}"
        f"w{row.pixels}{_act(row)}_{_tile(row)}__{isa.name}_{digest(work)}"
    )
    units = work.images * window.height_out * panels.count * work.groups
    return Kernel(name, work, lambda: _conv_ir(isa, name, work)), units


def _conv_ir(isa: InstructionSet, name: str, work: Conv) -> str:
    row, window = work.row, work.window
    panels = panels_of(isa, row)
    f = kernel_function(isa, name)
    source, weights, bias, out = (f.argument("%args", index) for index in range(4))
    residual = f.argument("%args", 4) if row.residual_pitch else "null"
    table = f.pointers(window.rows)
    row_count = work.images * window.height_out
    panel_count = panels.count * work.groups
    group_floats = sum(
        row.rows * row.columns * row.k * width
        for width in [panels.width] * panels.full
        + ([ceil(panels.rest / isa.lanes) * isa.lanes] if panels.rest else [])
    )

    def unit(index: Value, _: list[str]) -> list[str]:
        if work.by_panel:
            line, panel = f.rem(index, row_count), f.div(index, row_count)
        else:
            line, panel = f.div(index, panel_count), f.rem(index, panel_count)
        group, panel = f.div(panel, panels.count), f.rem(panel, panels.count)
        if work.groups == 1:
            group = 0
        image, y = f.div(line, window.height_out), f.rem(line, window.height_out)
        start = f.at(source, f.mul(image, window.image_floats))
        start = f.at(start, f.mul(group, row.k))
        low, high = point_rows(f, table, start, y, window)
        pixel = f.mul(line, row.pixels)
        channel = f.mul(group, row.n)
        at = Operands(
            table,
            f.at(weights, f.mul(group, group_floats)),
            f.at(bias, f.mul(group, ceil(row.n / isa.lanes) * isa.lanes)),
            f.at(f.at(out, f.mul(pixel, row.out_pitch)), channel),
            f.at(f.at(residual, f.mul(pixel, row.residual_pitch)), channel)
            if row.residual_pitch
            else "null",
            low,
            high,
        )
        call_panel(f, "panel", panels, panel, at)
        return []

    f.loop("%begin", "%end", [], unit)
    return module(isa, [*panel_functions(isa, "panel", row), f.text])


def _act(conv: RowConv) -> str:
    return f"_{conv.activation}" if conv.activation else ""


def _tile(conv: RowConv) -> str:
    return f"{conv.tile[0]}x{conv.tile[1]}"
