"""Expanded slices: expansion and depthwise of a few channels at a time, in the first-level cache.

Where images are small (14 x 14, 7 x 7) a block's weights outweigh its activations. A slice
of expanded channels is one panel of the expansion's weights: the whole image of the slice is
expanded into scratch, its depthwise written out, and the projection follows as a convolution
of its own, so that every weight is read once and no sum is split between threads.
MobileNetV2 (arXiv:1801.04381), section 5.1, writes the block as a sum over such slices.
"""

from dataclasses import dataclass, replace
from math import ceil

from lithe.engine.ir import Value, module
from lithe.engine.isa import InstructionSet
from lithe.engine.kernels.conv import (
    Operands,
    call_panel,
    kernel_function,
    panel_functions,
    panels_of,
)
from lithe.engine.kernels.depthwise import RowDepthwise, depthwise_function
from lithe.engine.kernels.names import digest
from lithe.engine.kernels.row_conv import RowConv
from lithe.engine.kernels.window import Window
from lithe.engine.program import Kernel


@dataclass(frozen=True, slots=True)
class Sliced:
    """`expand` over all pixels of an image into a slice, `depthwise` rows of it over `window`.

    The slice's channels are `expand.panel_width`; its pitch is theirs.
    """

    images: int
    window: Window
    expand: RowConv
    depthwise: RowDepthwise


def sliced_kernel(isa: InstructionSet, work: Sliced) -> tuple[Kernel, int]:
    """args: in, expand weights, bias, depthwise weights, out. A unit is a slice of an image."""
    panels = panels_of(isa, work.expand)
    window, expand = work.window, work.expand
    name = (
        f"f32_sliced_k{window.kernel}s{window.stride}_c{expand.n}w{work.depthwise.pixels}"
        f"_x{expand.tile[0]}x{expand.tile[1]}__{isa.name}_{digest(work)}"
    )
    row_floats = work.depthwise.width_in * panels.width
    parts = (
        ("a row of zeros", 4 * ceil(row_floats / 16) * 16),
        ("a slice of the expanded image", 4 * window.height_in * row_floats),
    )
    scratch = sum(size for _, size in parts)
    kernel = Kernel(name, work, lambda: _ir(isa, name, work), scratch, parts)
    return kernel, work.images * panels.count


def _ir(isa: InstructionSet, name: str, work: Sliced) -> str:
    panels = panels_of(isa, work.expand)
    width = panels.width
    window, expand = work.window, work.expand
    into = replace(expand, out_pitch=width)
    row = replace(work.depthwise, channels=width, in_pitch=width)
    functions = [*panel_functions(isa, "expand", into)]
    if panels.full:
        functions.append(depthwise_function(isa, "depthwise", row))
    if panels.rest:
        rest = replace(row, channels=panels.rest)
        functions.append(depthwise_function(isa, "depthwise_rest", rest))
    f = kernel_function(isa, name)
    source, weights, bias, taps, out = (f.argument("%args", index) for index in range(5))
    table = f.pointers(window.kernel)
    row_floats = row.width_in * width
    zeros, slice_ = "%scratch", f.at("%scratch", ceil(row_floats / 16) * 16)

    def clear(index: Value, _: list[str]) -> list[str]:
        f.store(f.constant(0), f.at(zeros, index))
        return []

    f.loop(0, row_floats, [], clear, step=isa.lanes)

    def unit(index: Value, _: list[str]) -> list[str]:
        image, panel = f.div(index, panels.count), f.rem(index, panels.count)
        pixels = f.mul(image, expand.pixels)
        at = Operands(f.at(source, f.mul(pixels, expand.in_pitch)), weights, bias, slice_)
        # The panel's channels are all there is in the slice: it is written at its beginning.
        channel = f.mul(panel, width)
        back = f.at(slice_, f.sub(0, channel))
        call_panel(f, "expand", panels, panel, replace(at, out=back))

        def line(y: Value, _: list[str]) -> list[str]:
            top = f.sub(f.mul(y, window.stride), window.pad)
            for ky in range(window.kernel):
                r = f.add(top, ky)
                is_in = f.let(f"icmp ult i64 {r}, {window.height_in}")
                place = f.at(slice_, f.mul(r, row_floats))
                f.point(table, ky, f.let(f"select i1 {is_in}, ptr {place}, ptr {zeros}"))
            first = f.add(f.mul(image, window.height_out), y)
            target = f.at(out, f.mul(first, row.pixels * row.out_pitch))
            block = f.mul(channel, row.taps() + 1)
            args = (
                ("ptr", table),
                ("ptr", f.at(taps, block)),
                ("ptr", f.at(target, channel)),
                ("ptr", "null"),
            )
            if not panels.rest:
                f.call("depthwise", *args)
            elif not panels.full:
                f.call("depthwise_rest", *args)
            else:
                f.when(f.less(panel, panels.full), lambda: f.call("depthwise", *args))
                f.when(f.less(panels.full - 1, panel), lambda: f.call("depthwise_rest", *args))
            return []

        f.loop(0, window.height_out, [], line)
        return []

    f.loop("%begin", "%end", [], unit)
    return module(isa, [*functions, f.text])
