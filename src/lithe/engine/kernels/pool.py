"""Pooling over windows of n h w c: the largest or the average, a vector of channels at a time.

What lies outside the image is never read. Columns are left out when the kernel is written,
rows while it runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from lithe.engine.ir import Function, Value, float_text
from lithe.engine.isa import InstructionSet
from lithe.engine.kernels.activation import activate
from lithe.engine.kernels.shuffles import larger
from lithe.engine.kernels.unit import groups, unit_kernel
from lithe.engine.program import Kernel

Pair = tuple[int, int]

# Vectors of channels side by side where windows are large: so many sums are on their way at once.
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


@dataclass(frozen=True, slots=True)
class _Tile:
    """What is in registers at once: vectors of channels times pixels.

    Every input column has sums of its own, which windows share, or else (`apart` false) all
    columns of a window are one sum.
    """

    vectors: int
    pixels: int
    apart: bool = True


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
    shape = _tile_of(f.isa, spec)
    width = shape.pixels

    def tile(at: Value, lanes: list[int | None], x: Value, pixels: int, column: _Column) -> None:
        shift = (column.begin * spec.dilation[1] - spec.padding[1]) * spec.in_pitch
        left = f.add(f.mul(x, spec.stride[1] * spec.in_pitch), shift)
        values = _windows(
            f,
            spec,
            f.at(f.at(source, at), left),
            rows,
            column,
            replace(shape, pixels=pixels),
            lanes,
        )
        if divisor:
            by = f.splat(f.let(f"fmul float {divisor}, {float_text(column.counted)}"))
            values = [f.binary("fdiv", value, by) for value in values]
        target = f.at(f.at(out, at), f.mul(x, spec.out_pitch))
        for index, value in enumerate(values):
            pixel, vector = divmod(index, len(lanes))
            value = activate(f, value, spec.activation, spec.act_args)
            place = f.at(target, pixel * spec.out_pitch + vector * f.isa.lanes)
            f.store(value, place, lanes[vector])

    def channels(at: Value, lanes: list[int | None]) -> None:
        x = 0
        for column, run in groupby(columns):
            count = len(list(run))

            def tiles(
                first: Value, _: list[str], column: _Column = column, begin: int = x
            ) -> list[str]:
                tile(at, lanes, f.add(begin, first), width, column)
                return []

            whole = count // width * width
            f.loop(0, whole, [], tiles, step=width)
            if count > whole:
                tile(at, lanes, x + whole, count - whole, column)
            x += count

    groups(f, spec.channels, shape.vectors, channels)


def _tile_of(isa: InstructionSet, spec: Pool) -> _Tile:
    """The most pixels whose columns all have registers of their own."""
    for vectors in (2, 1):
        for pixels in (4, 3, 2, 1):
            columns = len(_columns_of(spec, spec.kernel[1], pixels))
            if vectors * columns <= isa.registers - 6 and (pixels > 1 or vectors == 1):
                return _Tile(vectors, pixels)
    return _Tile(_VECTORS, 1, apart=False)


def _columns_of(spec: Pool, taps: int, pixels: int) -> list[int]:
    """The input columns that the windows of neighbouring pixels touch, from the first one on."""
    stride, dilation = spec.stride[1], spec.dilation[1]
    return sorted({p * stride + kx * dilation for p in range(pixels) for kx in range(taps)})


def _windows(
    f: Function,
    spec: Pool,
    window: str,
    rows: Value,
    column: _Column,
    tile: _Tile,
    lanes: list[int | None],
) -> list[str]:
    """[pixel][vector] of a tile: down every column first, which overlapping windows share."""
    taps = column.end - column.begin
    columns = _columns_of(spec, taps, tile.pixels)
    room = {offset: index if tile.apart else 0 for index, offset in enumerate(columns)}
    count = len(set(room.values()))
    neutral = f.constant(float("-inf") if spec.kind == "max" else 0)

    def join(a: str, b: str) -> str:
        if neutral in (a, b):
            return b if a == neutral else a
        return larger(f, a, b) if spec.kind == "max" else f.binary("fadd", a, b)

    def row(y: Value, carried: list[str]) -> list[str]:
        line = f.at(window, f.mul(y, spec.dilation[0] * spec.size_in[1] * spec.in_pitch))
        sums = list(carried)
        for offset in columns:
            for vector, some in enumerate(lanes):
                place = f.at(line, offset * spec.in_pitch + vector * f.isa.lanes)
                index = room[offset] * len(lanes) + vector
                sums[index] = join(sums[index], f.load(place, some))
        return sums

    sums = [neutral] * (count * len(lanes))
    if _is_never_empty(spec):
        sums = row(0, sums)
        sums = f.loop(1, rows, sums, row)
    else:
        sums = f.loop(0, rows, sums, row)
    values = []
    for pixel in range(tile.pixels):
        touched = {room[pixel * spec.stride[1] + kx * spec.dilation[1]] for kx in range(taps)}
        for vector in range(len(lanes)):
            value = neutral
            for index in sorted(touched):
                value = join(value, sums[index * len(lanes) + vector])
            values.append(value)
    return values


def _is_never_empty(spec: Pool) -> bool:
    """Whether every window has a row inside the image: a dilated one may step over it."""
    h, k, pad, d = spec.size_in[0], spec.kernel[0], spec.padding[0], spec.dilation[0]
    tops = (y * spec.stride[0] - pad for y in range(spec.size_out[0]))
    return all(any(0 <= top + ky * d < h for ky in range(k)) for top in tops)


def _column(spec: Pool, x: int) -> _Column:
    width, k, pad, d = spec.size_in[1], spec.kernel[1], spec.padding[1], spec.dilation[1]
    left = x * spec.stride[1] - pad
    inside = [kx for kx in range(k) if 0 <= left + kx * d < width]
    begin, end = (inside[0], inside[-1] + 1) if inside else (0, 0)
    counted = min(width + pad - left, k) if spec.include_pad else end - begin
    return _Column(begin, end, counted)
