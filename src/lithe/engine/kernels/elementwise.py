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
from lithe.engine.kernels.unit import UNIT_FLOATS, find, move, pieces, unit_kernel, vectors
from lithe.engine.program import Kernel


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
        return max(1, min(UNIT_FLOATS // self.nest.sizes[-1], self.lines))

    @property
    def piece(self) -> int:
        """Elements of the innermost axis in a unit."""
        return min(self.nest.sizes[-1], UNIT_FLOATS)

    @property
    def lines(self) -> int:
        """Size of the axis around the innermost one."""
        return self.nest.sizes[-2] if len(self.nest.sizes) > 1 else 1

    @property
    def units(self) -> int:
        """Units of work."""
        in_a_line = ceil(self.nest.sizes[-1] / self.piece)
        return prod(self.nest.sizes[:-2]) * ceil(self.lines / self.rows) * in_a_line


def elementwise_kernel(isa: InstructionSet, spec: Elementwise) -> Kernel:
    """The kernel; its arguments are the operands in order."""
    sizes, strides = spec.nest.sizes, spec.nest.strides
    piece_count, blocks = ceil(sizes[-1] / spec.piece), ceil(spec.lines / spec.rows)

    def unit(f: Function, pointers: Sequence[str], index: Value) -> None:
        piece, index = f.rem(index, piece_count), f.div(index, piece_count)
        block, index = f.rem(index, blocks), f.div(index, blocks)
        places = find(f, pointers, index, sizes[:-2], strides)

        def some_rows(first: Value, count: int) -> None:
            def row(position: Value, _: list[str]) -> list[str]:
                here = places
                if len(sizes) > 1:
                    at = f.add(first, position)
                    here = move(f, places, at, [stride[-2] for stride in strides])
                pieces(f, piece, sizes[-1], spec.piece, lambda at, size: one(here, at, size))
                return []

            f.loop(0, count, [], row)

        def one(here: Sequence[str], begin: Value, size: int) -> None:
            _row(f, spec, move(f, here, begin, [stride[-1] for stride in strides]), size)

        pieces(f, block, spec.lines, spec.rows, some_rows)

    parts = (spec.operation or ("" if spec.activation else "copy"), "add" * spec.residual)
    stem = "_".join(filter(None, (*parts, spec.activation, "x".join(map(str, sizes)))))
    return unit_kernel(isa, stem, spec, len(strides), unit)


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

    vectors(f, size, vector, unroll=4 if not spec.activation else 2)


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
