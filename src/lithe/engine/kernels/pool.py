"""Pooling over windows of n h w c: the largest or the average, a vector of channels at a time.

What lies outside the image is never read. Columns are left out when the kernel is written,
rows while it runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from lithe.engine.ir import Function, Value
from lithe.engine.isa import InstructionSet
from lithe.engine.kernels.activation import activate
from lithe.engine.kernels.shuffles import larger
from lithe.engine.kernels.unit import groups, unit_kernel
from lithe.engine.program import Kernel

Pair = tuple[int, int]

# Vectors of channels side by side: so many sums are on their way at once.
_VECTORS = 4


@dataclass(frozen=True, slots=True)
class Pool:
    """`max` or `avg` of windows; sizes, kernel, stride, padding and dilation are (h, w).

    `include_pad`: an average counts the padding as zeros, but never what lies beyond it.
    """

    kind: str
    images: int
    channels: int
    size_in: Pair
    size_out: Pair
    kernel: Pair
    stride: Pair
    padding: Pair
    dilation: Pair
    include_pad: bool
    in_pitch: int
    out_pitch: int
    activation: str = ""
    act_args: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class _Column:
    """What the windows of an output column have in common: taps inside, and the divisor."""

    begin: int
    end: int
    counted: int


def pool_kernel(isa: InstructionSet, spec: Pool) -> tuple[Kernel, int]:
    """args: out, in. A unit is an output row."""
    (height_in, width_in), (height, width) = spec.size_in, spec.size_out
    (kernel, _), (stride, _), (pad, _), (dilation, _) = (
        spec.kernel,
        spec.stride,
        spec.padding,
        spec.dilation,
    )
    row_floats = width_in * spec.in_pitch

    def unit(f: Function, pointers: Sequence[str], index: Value) -> None:
        image, y = f.div(index, height), f.rem(index, height)
        top = f.sub(f.mul(y, stride), pad)
        low = f.div(f.add(f.max(f.sub(0, top), 0), dilation - 1), dilation)
        below = f.max(f.sub(height_in, top), 0)
        high = f.min(f.div(f.add(below, dilation - 1), dilation), kernel)
        counted = f.sub(high, low)
        if spec.include_pad:
            counted = f.min(f.sub(height_in + pad, top), kernel)
        first = f.add(f.mul(image, height_in), f.add(top, f.mul(low, dilation)))
        source = f.at(pointers[1], f.mul(first, row_floats))
        out = f.at(pointers[0], f.mul(index, width * spec.out_pitch))
        rows = f.sub(high, low)
        _row(f, spec, out, source, rows, counted)

    letters = f"k{spec.kernel[0]}s{stride}_c{spec.channels}w{width}"
    return unit_kernel(isa, f"{spec.kind}pool_{letters}", spec, 2, unit), spec.images * height


def _row(f: Function, spec: Pool, out: str, source: str, rows: Value, counted: Value) -> None:
    columns = [_column(spec, x) for x in range(spec.size_out[1])]
    divisor = f.let(f"sitofp i64 {counted} to float") if spec.kind == "avg" else ""

    def channels(at: Value, lanes: list[int | None]) -> None:
        x = 0
        for column, run in groupby(columns):
            count = len(list(run))
            begin, x = x, x + count

            def pixel(
                offset: Value, _: list[str], column: _Column = column, begin: int = begin
            ) -> list[str]:
                here = f.add(begin, offset)
                left = f.mul(here, spec.stride[1] * spec.in_pitch)
                shift = (column.begin * spec.dilation[1] - spec.padding[1]) * spec.in_pitch
                window = f.at(f.at(source, at), f.add(left, shift))
                values = _window(f, spec, window, rows, column, lanes)
                if divisor:
                    by = f.splat(f.let(f"fmul float {divisor}, {float(column.counted)}"))
                    values = [f.binary("fdiv", value, by) for value in values]
                target = f.at(f.at(out, at), f.mul(here, spec.out_pitch))
                for index, (value, some) in enumerate(zip(values, lanes, strict=True)):
                    value = activate(f, value, spec.activation, spec.act_args)
                    f.store(value, f.at(target, index * f.isa.lanes), some)
                return []

            f.loop(0, count, [], pixel)

    groups(f, spec.channels, _VECTORS, channels)


def _window(
    f: Function, spec: Pool, window: str, rows: Value, column: _Column, lanes: list[int | None]
) -> list[str]:
    start = f.constant(float("-inf") if spec.kind == "max" else 0)

    def row(y: Value, carried: list[str]) -> list[str]:
        taps = f.at(window, f.mul(y, spec.dilation[0] * spec.size_in[1] * spec.in_pitch))
        values = list(carried)
        for kx in range(column.end - column.begin):
            tap = f.at(taps, kx * spec.dilation[1] * spec.in_pitch)
            for index, some in enumerate(lanes):
                x = f.load(f.at(tap, index * f.isa.lanes), some)
                values[index] = (
                    larger(f, values[index], x)
                    if spec.kind == "max"
                    else f.binary("fadd", values[index], x)
                )
        return values

    return f.loop(0, rows, [start] * len(lanes), row)


def _column(spec: Pool, x: int) -> _Column:
    width, k, pad, d = spec.size_in[1], spec.kernel[1], spec.padding[1], spec.dilation[1]
    left = x * spec.stride[1] - pad
    inside = [kx for kx in range(k) if 0 <= left + kx * d < width]
    begin, end = (inside[0], inside[-1] + 1) if inside else (0, 0)
    counted = min(width + pad - left, k) if spec.include_pad else end - begin
    return _Column(begin, end, counted)
