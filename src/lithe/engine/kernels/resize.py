"""Images of another size: the nearest pixel, or between the four around.

Which pixels an output row or column reads, and with which weight, is a table of the module,
worked out when the kernel is written.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lithe.engine.ir import Function, Value, float_text
from lithe.engine.isa import InstructionSet
from lithe.engine.kernels.unit import unit_kernel, vectors
from lithe.engine.program import Kernel


@dataclass(frozen=True, slots=True)
class Taps:
    """For each output row or column: the pixels before and behind it, and the latter's weight."""

    low: tuple[int, ...]
    high: tuple[int, ...]
    weight: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Resize:
    """Shapes of a resize of `images`; `bilinear` or else the pixels `low` as they are."""

    images: int
    channels: int
    size_in: tuple[int, int]
    rows: Taps
    columns: Taps
    bilinear: bool
    in_pitch: int
    out_pitch: int


def resize_kernel(isa: InstructionSet, spec: Resize) -> tuple[Kernel, int]:
    """args: out, in. A unit is an output row."""
    height_in, width_in = spec.size_in
    height, width = len(spec.rows.low), len(spec.columns.low)
    row_floats = width_in * spec.in_pitch

    def unit(f: Function, pointers: Sequence[str], index: Value) -> None:
        image, y = f.div(index, height), f.rem(index, height)
        source = f.at(pointers[1], f.mul(image, height_in * row_floats))
        out = f.at(pointers[0], f.mul(index, width * spec.out_pitch))
        top = f.at(source, f.mul(_whole(f, "row_low", y), row_floats))
        bottom, down = top, ""
        if spec.bilinear:
            bottom = f.at(source, f.mul(_whole(f, "row_high", y), row_floats))
            down = _weight(f, "row_weight", y)

        def pixel(x: Value, _: list[str]) -> list[str]:
            left = f.mul(_whole(f, "column_low", x), spec.in_pitch)
            target = f.at(out, f.mul(x, spec.out_pitch))
            emit = _nearest(f, f.at(top, left), target)
            if spec.bilinear:
                right = f.mul(_whole(f, "column_high", x), spec.in_pitch)
                corners = [f.at(row, side) for row in (top, bottom) for side in (left, right)]
                emit = _between(f, corners, (down, _weight(f, "column_weight", x)), target)
            vectors(f, spec.channels, emit)
            return []

        f.loop(0, width, [], pixel)

    stem = f"{'bilinear' if spec.bilinear else 'nearest'}_c{spec.channels}_{height}x{width}"
    tables = [*_tables("row", spec.rows), *_tables("column", spec.columns)]
    return unit_kernel(isa, stem, spec, 2, unit, tables), spec.images * height


def _nearest(f: Function, source: str, target: str) -> Callable[[Value, int | None], None]:
    def vector(at: Value, some: int | None) -> None:
        f.store(f.load(f.at(source, at), some), f.at(target, at), some)

    return vector


def _between(
    f: Function, corners: Sequence[str], weights: tuple[str, str], target: str
) -> Callable[[Value, int | None], None]:
    down, across = weights
    up, back = (f.binary("fsub", f.constant(1), weight) for weight in weights)

    def vector(at: Value, some: int | None) -> None:
        a, b, c, d = (f.load(f.at(corner, at), some) for corner in corners)
        above = f.fma(b, across, f.binary("fmul", a, back))
        below = f.fma(d, across, f.binary("fmul", c, back))
        value = f.fma(below, down, f.binary("fmul", above, up))
        f.store(value, f.at(target, at), some)

    return vector


def _tables(name: str, taps: Taps) -> list[str]:
    count = len(taps.low)
    whole = [
        f"@{name}_{end} = internal constant [{count} x i64] "
        f"[{', '.join(f'i64 {value}' for value in values)}]\n"
        for end, values in (("low", taps.low), ("high", taps.high))
    ]
    weights = ", ".join(f"float {float_text(value)}" for value in taps.weight)
    return [*whole, f"@{name}_weight = internal constant [{count} x float] [{weights}]\n"]


def _whole(f: Function, table: str, index: Value) -> str:
    where = f.let(f"getelementptr i64, ptr @{table}, i64 {index}")
    return f.let(f"load i64, ptr {where}, align 8")


def _weight(f: Function, table: str, index: Value) -> str:
    where = f.let(f"getelementptr float, ptr @{table}, i64 {index}")
    return f.broadcast(where)
