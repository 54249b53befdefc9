"""Averages over any axes of any strides, and softmax along one: two passes of the same kind.

Where the axis that lies next to itself in memory is reduced, vectors go along it and are
folded at the end; otherwise each lane is another output.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, prod

from lithe.engine.ir import Function, Value
from lithe.engine.isa import InstructionSet
from lithe.engine.kernels.shuffles import folded, larger
from lithe.engine.kernels.strides import Nest
from lithe.engine.kernels.transcendental import exp
from lithe.engine.kernels.unit import find, move, pieces, unit_kernel
from lithe.engine.program import Kernel

Lanes = int | None
# What is read of an element, and how it joins what was read before.
Join = Callable[[str, str], str]


@dataclass(frozen=True, slots=True)
class Mean:
    """Average over axes `sizes`, outermost first, with these strides of the input.

    Operands of `kept` are the output and the input.
    """

    kept: Nest
    sizes: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Softmax:
    """exp(x - max) over its sum, along an axis of `count` elements.

    `kept` are the other axes; operands there and of `strides` are the output and the input.
    """

    kept: Nest
    count: int
    strides: tuple[int, int]


def mean_kernel(isa: InstructionSet, spec: Mean) -> tuple[Kernel, int]:
    """args: out, in. A unit is a vector of outputs, or one where vectors go along the sum."""
    along = spec.strides[-1] == 1

    def work(f: Function, places: Sequence[str], some: Lanes) -> None:
        out, source = places
        if along:
            total = _sum_along(f, spec, source, 0)
            some = 1
        else:
            total = _sum_across(f, spec, source, some, 0)
        by = f.constant(prod(spec.sizes))
        f.store(f.binary("fdiv", total, by), out, some)

    stem = f"mean_{'x'.join(map(str, spec.sizes))}_{'along' if along else 'across'}"
    return _kernel(isa, stem, spec, spec.kept, along, work)


def softmax_kernel(isa: InstructionSet, spec: Softmax) -> tuple[Kernel, int]:
    """args: out, in. A unit is a vector of outputs, or one where vectors go along the axis."""
    along = spec.strides == (1, 1)

    def work(f: Function, places: Sequence[str], some: Lanes) -> None:
        (_softmax_along if along else _softmax_across)(f, spec, places, some)

    stem = f"softmax_{spec.count}_{'along' if along else 'across'}"
    return _kernel(isa, stem, spec, spec.kept, along, work)


def _kernel(
    isa: InstructionSet,
    stem: str,
    spec: object,
    kept: Nest,
    along: bool,
    work: Callable[[Function, Sequence[str], Lanes], None],
) -> tuple[Kernel, int]:
    """A kernel that does `work` for every output, or for every vector of them."""
    width = kept.sizes[-1]
    blocks = width if along else ceil(width / isa.lanes)

    def unit(f: Function, pointers: Sequence[str], index: Value) -> None:
        block, index = f.rem(index, blocks), f.div(index, blocks)
        places = find(f, pointers, index, kept.sizes[:-1], kept.strides)
        last = [strides[-1] for strides in kept.strides]
        if along:
            work(f, move(f, places, block, last), None)
            return

        def vector(begin: Value, count: int) -> None:
            work(f, move(f, places, begin, last), count)

        pieces(f, block, width, isa.lanes, vector)

    return unit_kernel(isa, stem, spec, 2, unit), prod(kept.sizes[:-1]) * blocks


def _read(f: Function, address: str, stride: int, some: Lanes) -> str:
    if stride == 1:
        return f.load(address, some)
    return f.broadcast(address) if stride == 0 else f.gather(address, stride, some)


# Sums


def _sum_across(f: Function, spec: Mean, source: str, some: Lanes, axis: int) -> str:
    """The sum over axes from `axis` on, each lane another output: inner sums first."""
    if axis == len(spec.sizes):
        return _read(f, source, spec.kept.strides[1][-1], some)

    def body(index: Value, carried: list[str]) -> list[str]:
        here = f.at(source, f.mul(index, spec.strides[axis]))
        return [f.binary("fadd", carried[0], _sum_across(f, spec, here, some, axis + 1))]

    return f.loop(0, spec.sizes[axis], [f.constant(0)], body)[0]


def _sum_along(f: Function, spec: Mean, source: str, axis: int) -> str:
    """The sum over axes from `axis` on, in every lane."""
    if axis == len(spec.sizes) - 1:
        total = _along(
            f, spec.sizes[axis], source, 0, lambda x, _: x, lambda a, b: f.binary("fadd", a, b)
        )
        return folded(f, total, "fadd")

    def body(index: Value, carried: list[str]) -> list[str]:
        here = f.at(source, f.mul(index, spec.strides[axis]))
        return [f.binary("fadd", carried[0], _sum_along(f, spec, here, axis + 1))]

    return f.loop(0, spec.sizes[axis], [f.constant(0)], body)[0]


def _along(
    f: Function,
    count: int,
    source: str,
    neutral: float,
    of: Callable[[str, Value], str],
    join: Join,
) -> str:
    """`of` every vector along `count` elements, joined lane by lane; the rest is `neutral`."""
    lanes = f.isa.lanes
    whole, rest = count // lanes * lanes, count % lanes
    start = f.constant(neutral)

    def body(index: Value, carried: list[str]) -> list[str]:
        return [join(carried[0], of(f.load(f.at(source, index)), index))]

    value = f.loop(0, whole, [start], body, step=lanes)[0]
    if rest:
        last = of(f.load(f.at(source, whole), rest), whole)
        pattern = [lane if lane < rest else lanes + lane for lane in range(lanes)]
        value = join(value, f.shuffle(last, start, pattern))
    return value


# Softmax


def _softmax_along(f: Function, spec: Softmax, places: Sequence[str], _: Lanes) -> None:
    out, source = places
    lanes, count = f.isa.lanes, spec.count
    rest = count % lanes
    most = _along(f, count, source, float("-inf"), lambda x, _: x, lambda a, b: larger(f, a, b))
    most = folded(f, most, "max")

    def exponential(x: str, index: Value) -> str:
        value = exp(f, f.binary("fsub", x, most))
        f.store(value, f.at(out, index), rest if index == count - rest and rest else None)
        return value

    total = _along(f, count, source, 0, exponential, lambda a, b: f.binary("fadd", a, b))
    total = folded(f, total, "fadd")

    def divide(index: Value, some: Lanes) -> None:
        here = f.at(out, index)
        f.store(f.binary("fdiv", f.load(here, some), total), here, some)

    def vector(index: Value, carried: list[str]) -> list[str]:
        divide(index, None)
        return []

    f.loop(0, count - rest, [], vector, step=lanes)
    if rest:
        divide(count - rest, rest)


def _softmax_across(f: Function, spec: Softmax, places: Sequence[str], some: Lanes) -> None:
    out, source = places
    to, of = spec.strides
    step = spec.kept.strides[1][-1]

    def read(index: Value) -> str:
        return _read(f, f.at(source, f.mul(index, of)), step, some)

    def most_of(index: Value, carried: list[str]) -> list[str]:
        return [larger(f, carried[0], read(index))]

    most = f.loop(0, spec.count, [f.constant(float("-inf"))], most_of)[0]

    def exponential(index: Value, carried: list[str]) -> list[str]:
        value = exp(f, f.binary("fsub", read(index), most))
        f.store(value, f.at(out, f.mul(index, to)), some)
        return [f.binary("fadd", carried[0], value)]

    total = f.loop(0, spec.count, [f.constant(0)], exponential)[0]

    def divide(index: Value, _: list[str]) -> list[str]:
        here = f.at(out, f.mul(index, to))
        f.store(f.binary("fdiv", f.load(here, some), total), here, some)
        return []

    f.loop(0, spec.count, [], divide)
