"""Axes and strides of operands that are walked together, simplified."""

from collections.abc import Sequence
from dataclasses import dataclass

Strides = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Nest:
    """A loop nest: sizes from the outermost axis in, and the floats each operand moves by.

    The first operand is what is written. Its innermost stride is 1, a stride of 0 repeats
    an element.
    """

    sizes: tuple[int, ...]
    strides: tuple[Strides, ...]


def nest_of(shape: Sequence[int], operands: Sequence[Strides]) -> Nest:
    """The shortest nest over `shape` in the order in which the first operand lies in memory.

    Axes of one element go, neighbours that every operand walks as one axis become one.

    >>> nest_of((1, 16, 7, 7), [(784, 1, 112, 16), (784, 1, 112, 16)])
    Nest(sizes=(784,), strides=((1,), (1,)))
    """
    axes = [axis for axis, size in enumerate(shape) if size > 1]
    axes.sort(key=lambda axis: -operands[0][axis])
    sizes: list[int] = []
    strides: list[tuple[int, ...]] = []
    for axis in axes:
        here = tuple(operand[axis] for operand in operands)
        if sizes and all(
            outer == inner * shape[axis] for outer, inner in zip(strides[-1], here, strict=True)
        ):
            sizes[-1] *= shape[axis]
            strides[-1] = here
        else:
            sizes.append(shape[axis])
            strides.append(here)
    if not sizes or strides[-1][0] != 1:
        # Single elements far apart are vectors of one lane.
        sizes.append(1)
        strides.append((1,) * len(operands))
    return Nest(tuple(sizes), tuple(zip(*strides, strict=True)))
