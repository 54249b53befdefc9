"""Pooling into a given number of windows: to one pixel it is global pooling.

Window i of h_out over h rows goes from floor(i h / h_out) to ceil((i + 1) h / h_out). The
pixels of one large window are added up by eights, those along a row, rows in bands, and
bands to each other, so that the error hardly grows with the image.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil

from lithe.engine.ir import Function, Value
from lithe.engine.isa import InstructionSet
from lithe.engine.kernels.activation import activate
from lithe.engine.kernels.shuffles import larger
from lithe.engine.kernels.unit import groups, pieces, unit_kernel
from lithe.engine.program import Kernel

Pair = tuple[int, int]

# Vectors of channels that are one unit.
_VECTORS = 4
# Rows that are added up before they join the others.
_BAND = 16
# Pixels that are joined in pairs, then pairs of pairs, before they join the rest of the row.
_TOGETHER = 8


@dataclass(frozen=True, slots=True)
class AdaptivePool:
    """`max` or `avg` of as many windows as there are output pixels; sizes are (h, w)."""

    kind: str
    images: int
    channels: int
    size_in: Pair
    size_out: Pair
    in_pitch: int
    out_pitch: int
    activation: str = ""
    act_args: tuple[float, ...] = ()


def adaptive_pool_kernel(isa: InstructionSet, spec: AdaptivePool) -> tuple[Kernel, int]:
    """args: out, in. A unit is some channels of an output row, of all windows in it."""
    (height_in, width_in), (height, width) = spec.size_in, spec.size_out
    panel = _VECTORS * isa.lanes
    panels = ceil(spec.channels / panel)

    def unit(f: Function, pointers: Sequence[str], index: Value) -> None:
        at, line = f.rem(index, panels), f.div(index, panels)
        image, y = f.div(line, height), f.rem(line, height)
        top, bottom = _window(f, y, height_in, height)
        first = f.add(f.mul(image, height_in), top)
        source = f.at(pointers[1], f.mul(first, width_in * spec.in_pitch))
        out = f.at(pointers[0], f.mul(line, width * spec.out_pitch))
        rows = f.sub(bottom, top)

        def channels(begin: Value, count: int) -> None:
            def pixel(x: Value, _: list[str]) -> list[str]:
                left, right = _window(f, x, width_in, width)
                here = f.at(f.at(source, begin), f.mul(left, spec.in_pitch))
                target = f.at(f.at(out, begin), f.mul(x, spec.out_pitch))
                size = rows, f.sub(right, left)
                groups(
                    f,
                    count,
                    _VECTORS,
                    lambda c, lanes: _pool(f, spec, f.at(target, c), f.at(here, c), size, lanes),
                )
                return []

            f.loop(0, width, [], pixel)

        pieces(f, at, spec.channels, panel, channels)

    stem = f"{spec.kind}pool_{height_in}x{width_in}to{height}x{width}_c{spec.channels}"
    return unit_kernel(isa, stem, spec, 2, unit), spec.images * height * panels


def _window(f: Function, index: Value, size_in: int, size_out: int) -> tuple[Value, Value]:
    begin = f.div(f.mul(index, size_in), size_out)
    end = f.div(f.add(f.mul(f.add(index, 1), size_in), size_out - 1), size_out)
    return begin, end


def _pool(
    f: Function,
    spec: AdaptivePool,
    out: str,
    source: str,
    size: tuple[Value, Value],
    lanes: list[int | None],
) -> None:
    def combined(a: str, b: str) -> str:
        return larger(f, a, b) if spec.kind == "max" else f.binary("fadd", a, b)

    start = [f.constant(float("-inf") if spec.kind == "max" else 0)] * len(lanes)
    rows, columns = size

    def row(y: Value, totals: list[str]) -> list[str]:
        line = f.at(source, f.mul(y, spec.size_in[1] * spec.in_pitch))

        def pixels(x: Value, carried: list[str], count: int) -> list[str]:
            here = f.at(line, f.mul(x, spec.in_pitch))
            joined = []
            for index, (value, some) in enumerate(zip(carried, lanes, strict=True)):
                shift = index * f.isa.lanes
                places = [f.at(here, p * spec.in_pitch + shift) for p in range(count)]
                parts = [f.load(place, some) for place in places]
                while len(parts) > 1:
                    halves = zip(parts[::2], parts[1::2], strict=True)
                    parts = [combined(a, b) for a, b in halves]
                joined.append(combined(value, parts[0]))
            return joined

        whole: Value = 0
        sums = start
        if isinstance(columns, int):
            whole = columns // _TOGETHER * _TOGETHER
            eights = partial(pixels, count=_TOGETHER)
            sums = f.loop(0, whole, sums, eights, step=_TOGETHER)
        sums = f.loop(whole, columns, sums, partial(pixels, count=1))
        return [combined(total, part) for total, part in zip(totals, sums, strict=True)]

    def band(y: Value, totals: list[str]) -> list[str]:
        sums = f.loop(y, f.add(y, _BAND), start, row)
        return [combined(total, part) for total, part in zip(totals, sums, strict=True)]

    bands: Value = rows // _BAND * _BAND if isinstance(rows, int) else 0
    values = f.loop(0, bands, start, band, step=_BAND)
    values = f.loop(bands, rows, values, row)
    if spec.kind == "avg":
        count = f.splat(f.let(f"sitofp i64 {f.mul(rows, columns)} to float"))
        values = [f.binary("fdiv", value, count) for value in values]
    for index, (value, some) in enumerate(zip(values, lanes, strict=True)):
        value = activate(f, value, spec.activation, spec.act_args)
        f.store(value, f.at(out, index * f.isa.lanes), some)
