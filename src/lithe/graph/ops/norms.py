"""Norms that work out their statistics from the input of each run."""

from dataclasses import dataclass
from math import prod

from lithe.errors import LitheError
from lithe.graph.ops.op import Op, Shape


@dataclass(frozen=True, slots=True)
class LayerNorm(Op):
    """(x - mean) / sqrt(var + eps) over the last axes, of sizes `over`; var over all of n.

    Constants: with `weight` a factor, with `bias` a summand, both of shape `over`.
    """

    over: Shape
    eps: float = 1e-5
    weight: bool = True
    bias: bool = True

    def shape(self, *inputs: Shape) -> Shape:
        """That of the input.

        Raises:
            LitheError: its last axes are not `over`.
        """
        return _ending(inputs[0], self.over)

    def other_ops(self, *inputs: Shape) -> int:
        """Five an element (sum, difference, square, its sum, quotient), two more with both."""
        return prod(inputs[0]) * (5 + self.weight + self.bias)

    def constants(self, *inputs: Shape) -> tuple[Shape, ...]:
        """`over` for each."""
        return (self.over,) * (self.weight + self.bias)


@dataclass(frozen=True, slots=True)
class RmsNorm(Op):
    """x / sqrt(mean of x^2 + eps) over the last axes, of sizes `over`. arXiv:1910.07467.

    Constants: with `weight` a factor of shape `over`. Where torch is given no `eps`, it is
    the one of the type that the network works in, 2^-23 for float32.
    """

    over: Shape
    eps: float
    weight: bool = True

    def shape(self, *inputs: Shape) -> Shape:
        """That of the input.

        Raises:
            LitheError: its last axes are not `over`.
        """
        return _ending(inputs[0], self.over)

    def other_ops(self, *inputs: Shape) -> int:
        """Three an element (square, its sum, quotient), one more with a weight."""
        return prod(inputs[0]) * (3 + self.weight)

    def constants(self, *inputs: Shape) -> tuple[Shape, ...]:
        """`over`, if there is one."""
        return (self.over,) * self.weight


@dataclass(frozen=True, slots=True)
class GroupNorm(Op):
    """(x - mean) / sqrt(var + eps) over c / groups channels and all pixels of a sample.

    Channels are axis 1; with as many groups as channels it is instance norm. Constants:
    with `weight` a factor (c), with `bias` a summand (c). arXiv:1803.08494.
    """

    groups: int
    eps: float = 1e-5
    weight: bool = True
    bias: bool = True

    def shape(self, *inputs: Shape) -> Shape:
        """That of the input, (n, c, ...).

        Raises:
            LitheError: the channels do not divide into the groups.
        """
        if len(inputs[0]) < 2 or inputs[0][1] % self.groups:
            raise LitheError(f"{inputs[0]} has no channels in {self.groups} groups")
        return inputs[0]

    def other_ops(self, *inputs: Shape) -> int:
        """Five an element (sum, difference, square, its sum, quotient), two more with both."""
        return prod(inputs[0]) * (5 + self.weight + self.bias)

    def constants(self, *inputs: Shape) -> tuple[Shape, ...]:
        """(c) for each."""
        return ((inputs[0][1],),) * (self.weight + self.bias)


@dataclass(frozen=True, slots=True)
class LocalResponseNorm(Op):
    """x / (k + alpha / size * the sum of x^2 over `size` channels around)^beta; AlexNet's.

    Around channel c are c - floor((size - 1) / 2) to c + ceil((size - 1) / 2), those that
    there are.
    """

    size: int
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 1.0

    def shape(self, *inputs: Shape) -> Shape:
        """That of the input, (n, c, ...).

        Raises:
            LitheError: it has no channels.
        """
        if len(inputs[0]) < 3:
            raise LitheError(f"{inputs[0]} has no channels and pixels")
        return inputs[0]

    def other_ops(self, *inputs: Shape) -> int:
        """`size` + 5 an element: square, sum, factor, `k`, power, quotient."""
        return prod(inputs[0]) * (self.size + 5)


def _ending(shape: Shape, over: Shape) -> Shape:
    if not over or shape[-len(over) :] != over:
        raise LitheError(f"the last axes of {shape} are not {over}")
    return shape
