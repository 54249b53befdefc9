"""Element by element over operands of any strides: activations, arithmetic, plain copies.

    out[i] = act(op(a[i], b[i], ...) + residual[i])

An operand with stride 0 is repeated, which is broadcasting. The innermost axis is vectors;
the others are walked in the order in which the output lies in memory.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, prod

from lithe.engine.ir import Function, Value
from lithe.engine.isa import InstructionSet
from lithe.engine.kernels.activation import activate
from lithe.engine.kernels.strides import Nest
from lithe.engine.kernels.unit import kernel_name, unit_kernel, vectors
from lithe.engine.program import Kernel

# Floats of the output that one unit writes, about: small enough to share out evenly, and
# so many that finding its place costs nothing.
_UNIT = 4096


@dataclass(frozen=True, slots=True)
class Elementwise:
    """An element-wise kernel: operands of `nest` are the output, then those of `operation`.

    `operation` is a row of `OPERATIONS`, "" a copy. With `residual` the last operand is
    added before the activation.
    """

    nest: Nest
    operation: str = ""
    residual: bool = False
    activation: str = ""
    act_args: tuple[float, ...] = ()

    @property
    def rows(self) -> int:
        """Rows of the innermost axis in a unit."""
        return max(1, min(_UNIT // self.nest.sizes[-1], self._last))

    @property
    def piece(self) -> int:
        """Elements of the innermost axis in a unit."""
        return min(self.nest.sizes[-1], _UNIT)

    @property
    def _last(self) -> int:
        return self.nest.sizes[-2] if len(self.nest.sizes) > 1 else 1

    @property
    def units(self) -> int:
        """Units of work."""
        pieces = ceil(self.nest.sizes[-1] / self.piece)
        return prod(self.nest.sizes[:-2]) * ceil(self._last / self.rows) * pieces


def elementwise_kernel(isa: InstructionSet, spec: Elementwise) -> Kernel:
    """The kernel; its arguments are the operands in order."""
    sizes, strides = spec.nest.sizes, spec.nest.strides
    pieces, blocks = ceil(sizes[-1] / spec.piece), ceil(spec._last / spec.rows)

    def unit(f: Function, pointers: Sequence[str], index: Value) -> None:
        piece, rest = f.rem(index, pieces), f.div(index, pieces)
        block, rest = f.rem(rest, blocks), f.div(rest, blocks)
        places = list(pointers)
        for axis in range(len(sizes) - 3, -1, -1):
            at, rest = f.rem(rest, sizes[axis]), f.div(rest, sizes[axis])
            places = [
                f.at(place, f.mul(at, moves[axis]))
                for place, moves in zip(places, strides, strict=True)
            ]
        first = f.mul(block, spec.rows)
        last = f.min(f.add(first, spec.rows), spec._last) if blocks > 1 else spec._last

        def row(position: Value, _: list[str]) -> list[str]:
            here = places
            if len(sizes) > 1:
                here = [
                    f.at(place, f.mul(position, moves[-2]))
                    for place, moves in zip(places, strides, strict=True)
                ]
            _pieces(f, spec, here, piece, pieces)
            return []

        f.loop(first, last, [], row)

    what = "_".join(filter(None, (spec.operation or "copy", "add" * spec.residual)))
    stem = "_".join(filter(None, (what, spec.activation)))
    return unit_kernel(isa, kernel_name(stem, spec, isa), len(strides), unit)


def _pieces(
    f: Function, spec: Elementwise, places: Sequence[str], piece: Value, pieces: int
) -> None:
    """One row of a unit: all of the innermost axis, or one piece of it."""
    size = spec.nest.sizes[-1]
    if pieces == 1:
        _row(f, spec, places, size)
        return
    rest = size - (pieces - 1) * spec.piece
    begin = f.mul(piece, spec.piece)
    there = [
        f.at(place, f.mul(begin, moves[-1]))
        for place, moves in zip(places, spec.nest.strides, strict=True)
    ]
    if rest == spec.piece:
        _row(f, spec, there, size=spec.piece)
        return
    f.when(f.less(piece, pieces - 1), lambda: _row(f, spec, there, spec.piece))
    f.when(f.less(pieces - 2, piece), lambda: _row(f, spec, there, rest))


def _row(f: Function, spec: Elementwise, places: Sequence[str], size: int) -> None:
    steps = [moves[-1] for moves in spec.nest.strides]
    # What is repeated along the row is read once.
    repeated = {
        index: f.broadcast(places[index]) for index in range(1, len(places)) if steps[index] == 0
    }

    def vector(position: Value, lanes: int | None) -> None:
        values = []
        for index in range(1, len(places)):
            if index in repeated:
                values.append(repeated[index])
                continue
            where = f.at(places[index], f.mul(position, steps[index]))
            if steps[index] == 1:
                values.append(f.load(where, lanes))
            else:
                values.append(f.gather(where, steps[index], lanes))
        own = values[:-1] if spec.residual else values
        value = OPERATIONS[spec.operation](f, own) if spec.operation else own[0]
        if spec.residual:
            value = f.binary("fadd", value, values[-1])
        value = activate(f, value, spec.activation, spec.act_args)
        f.store(value, f.at(places[0], position), lanes)

    vectors(f, 0, size, vector, unroll=4 if not spec.activation else 2)


def _extreme(comparison: str) -> Callable[[Function, Sequence[str]], str]:
    def emit(f: Function, x: Sequence[str]) -> str:
        # As in PyTorch a NaN on either side is the result.
        value = f.select(comparison, x[0], x[1], x[0], x[1])
        return f.select("uno", x[0], x[0], x[0], value)

    return emit


def _prelu(f: Function, x: Sequence[str]) -> str:
    return f.select("ogt", x[0], f.constant(0), x[0], f.binary("fmul", x[0], x[1]))


OPERATIONS: dict[str, Callable[[Function, Sequence[str]], str]] = {
    "add": lambda f, x: f.binary("fadd", x[0], x[1]),
    "sub": lambda f, x: f.binary("fsub", x[0], x[1]),
    "mul": lambda f, x: f.binary("fmul", x[0], x[1]),
    "div": lambda f, x: f.binary("fdiv", x[0], x[1]),
    "maximum": _extreme("ogt"),
    "minimum": _extreme("olt"),
    "prelu": _prelu,
    "affine": lambda f, x: f.fma(x[0], x[1], x[2]),
}
