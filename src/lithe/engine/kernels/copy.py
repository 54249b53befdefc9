"""Copies that change the order of elements: squares turned around, rows dealt out in turn.

A copy whose innermost axis lies alike on both sides is an element-wise kernel without an
operation. Here are the others: the innermost axis of one side is another axis of the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, prod

from lithe.engine.ir import Function, Value
from lithe.engine.isa import InstructionSet
from lithe.engine.kernels.elementwise import Elementwise, elementwise_kernel
from lithe.engine.kernels.shuffles import dealt, interleaved, transposed
from lithe.engine.kernels.strides import Nest, Strides, nest_of
from lithe.engine.kernels.unit import UNIT_FLOATS, find, move, pieces, unit_kernel, vectors
from lithe.engine.program import Kernel

# So many rows are dealt out at most: it takes a shuffle for each row and vector.
_DEALT = 8
# From so many units on, a turn is shared out well enough without cutting its rows.
_ROWS_TO_SHARE = 8


@dataclass(frozen=True, slots=True)
class Transpose:
    """out[o, i, j] = in[o, i, j], i next to each other on the one side and j on the other.

    `outer` are the axes o; operands are the output and the input.
    """

    outer: Nest
    i: int
    j: int
    i_stride: int  # of the output
    j_stride: int  # of the input


@dataclass(frozen=True, slots=True)
class Deal:
    """out[o, i, j] = in[o, j * rows + i]: elements that take turns, back into rows.

    Operands of `outer` are the output and the input; `stride` is from row to row.
    """

    outer: Nest
    rows: int
    count: int
    stride: int


@dataclass(frozen=True, slots=True)
class Interleave:
    """out[o, i * sources + g] = in_g[o, i]: rows of `count` elements, taken in turn.

    Operands of `outer` are the output and every source; `starts` are the floats at which
    the first row of each source begins. The sources are one tensor, or one tensor each.
    """

    outer: Nest
    count: int
    starts: tuple[int, ...]
    several: bool = False


def copy_kernel(
    isa: InstructionSet, shape: Sequence[int], out: Strides, source: Strides
) -> tuple[Kernel, int]:
    """args: out, in. A copy of a tensor between any strides, and its units."""
    nest = nest_of(shape, (out, source))
    last = len(nest.sizes) - 1
    other = [axis for axis in range(last) if nest.strides[1][axis] == 1]
    if nest.strides[1][last] in (0, 1) or not other:
        spec = Elementwise(nest)
        return elementwise_kernel(isa, spec), spec.units
    axis = other[0]
    i, j = nest.sizes[axis], nest.sizes[last]
    kept = [a for a in range(last) if a != axis]
    outer = Nest(
        tuple(nest.sizes[a] for a in kept),
        tuple(tuple(strides[a] for a in kept) for strides in nest.strides),
    )
    i_stride, j_stride = nest.strides[0][axis], nest.strides[1][last]
    if i_stride == j <= _DEALT:
        starts = tuple(row * j_stride for row in range(j))
        return interleave_kernel(isa, Interleave(_repeated(outer, j), i, starts))
    if j_stride == i <= _DEALT:
        return deal_kernel(isa, Deal(outer, i, j, i_stride))
    return transpose_kernel(isa, Transpose(outer, i, j, i_stride, j_stride))


def _repeated(outer: Nest, sources: int) -> Nest:
    """The nest of a kernel that reads one tensor by several operands."""
    return Nest(outer.sizes, (outer.strides[0], *[outer.strides[1]] * sources))


def transpose_kernel(isa: InstructionSet, spec: Transpose) -> tuple[Kernel, int]:
    """args: out, in. A unit is as many i as there are lanes, and a stretch of j."""
    lanes = isa.lanes
    blocks = ceil(spec.i / lanes)
    # Few rows are shared out by their length; many need no second kind of stretch.
    piece = spec.j if blocks >= _ROWS_TO_SHARE else _piece(isa, spec.j, lanes)
    stretches = ceil(spec.j / piece)

    def unit(f: Function, pointers: Sequence[str], index: Value) -> None:
        stretch, index = f.rem(index, stretches), f.div(index, stretches)
        block, index = f.rem(index, blocks), f.div(index, blocks)
        places = find(f, pointers, index, spec.outer.sizes, spec.outer.strides)

        def band(i: Value, rows: int) -> None:
            here = move(f, places, i, (spec.i_stride, 1))

            def part(j: Value, count: int) -> None:
                _band(f, spec, move(f, here, j, (1, spec.j_stride)), rows, count)

            pieces(f, stretch, spec.j, piece, part)

        pieces(f, block, spec.i, lanes, band)

    kernel = unit_kernel(isa, f"transpose_{spec.i}x{spec.j}", spec, 2, unit)
    return kernel, prod(spec.outer.sizes) * blocks * stretches


def _band(f: Function, spec: Transpose, places: Sequence[str], rows: int, count: int) -> None:
    """Squares along j: `count` columns of up to `lanes` rows."""
    out, source = places
    lanes = f.isa.lanes

    def square(j: Value, some: int | None) -> None:
        here = f.at(source, f.mul(j, spec.j_stride))
        columns = [f.at(here, column * spec.j_stride) for column in range(some or lanes)]
        values = [f.load(column, rows) for column in columns]
        values += ["zeroinitializer"] * (lanes - len(values))
        for row, value in enumerate(transposed(f, values)[:rows]):
            f.store(value, f.at(f.at(out, j), row * spec.i_stride), some)

    vectors(f, count, square)


def deal_kernel(isa: InstructionSet, spec: Deal) -> tuple[Kernel, int]:
    """args: out, in. A unit is a stretch of j, of every row."""
    piece = _piece(isa, spec.count, spec.rows)
    blocks = ceil(spec.count / piece)

    def unit(f: Function, pointers: Sequence[str], index: Value) -> None:
        block, index = f.rem(index, blocks), f.div(index, blocks)
        places = find(f, pointers, index, spec.outer.sizes, spec.outer.strides)
        pieces(
            f,
            block,
            spec.count,
            piece,
            lambda j, count: _into_rows(f, spec, move(f, places, j, (1, spec.rows)), count),
        )

    kernel = unit_kernel(isa, f"deal_{spec.rows}x{spec.count}", spec, 2, unit)
    return kernel, prod(spec.outer.sizes) * blocks


def _piece(isa: InstructionSet, count: int, rows: int) -> int:
    """Elements of each row in a unit: whole vectors, unless all of them."""
    return min(count, max(isa.lanes, UNIT_FLOATS // rows // isa.lanes * isa.lanes))


def _into_rows(f: Function, spec: Deal, places: Sequence[str], count: int) -> None:
    out, source = places

    def some_columns(j: Value, some: int | None) -> None:
        here = f.at(source, f.mul(j, spec.rows))
        total = (some or f.isa.lanes) * spec.rows
        values = []
        for start in range(0, f.isa.lanes * spec.rows, f.isa.lanes):
            left = min(f.isa.lanes, total - start)
            values.append(f.load(f.at(here, start), left) if left > 0 else "zeroinitializer")
        for row in range(spec.rows):
            f.store(dealt(f, values, row), f.at(f.at(out, j), row * spec.stride), some)

    vectors(f, count, some_columns)


def interleave_kernel(isa: InstructionSet, spec: Interleave) -> tuple[Kernel, int]:
    """args: out, in; with an input for every source where they are several tensors."""
    sources = len(spec.starts)
    piece = _piece(isa, spec.count, sources)
    blocks = ceil(spec.count / piece)

    def unit(f: Function, pointers: Sequence[str], index: Value) -> None:
        block, index = f.rem(index, blocks), f.div(index, blocks)
        rows = list(pointers[1:]) * (1 if spec.several else sources)
        places = find(f, [pointers[0], *rows], index, spec.outer.sizes, spec.outer.strides)
        starts = [f.at(row, start) for row, start in zip(places[1:], spec.starts, strict=True)]

        def part(begin: Value, count: int) -> None:
            moves = (sources, *[1] * sources)
            _in_turn(f, move(f, [places[0], *starts], begin, moves), count)

        pieces(f, block, spec.count, piece, part)

    stem = f"interleave_{spec.count}x{sources}"
    kernel = unit_kernel(isa, stem, spec, 1 + (sources if spec.several else 1), unit)
    return kernel, prod(spec.outer.sizes) * blocks


def _in_turn(f: Function, places: Sequence[str], count: int) -> None:
    sources = len(places) - 1

    def some(i: Value, part: int | None) -> None:
        rows = [f.load(f.at(place, i), part) for place in places[1:]]
        target = f.at(places[0], f.mul(i, sources))
        total = (part or f.isa.lanes) * sources
        for index in range(ceil(total / f.isa.lanes)):
            left = min(f.isa.lanes, total - index * f.isa.lanes)
            f.store(interleaved(f, rows, index), f.at(target, index * f.isa.lanes), left)

    vectors(f, count, some)
