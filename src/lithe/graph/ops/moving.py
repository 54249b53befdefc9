"""Operators that compute nothing: they move, cut, join or rename what is there."""

from dataclasses import dataclass
from math import prod

from lithe.errors import LitheError
from lithe.graph.ops.op import Op, Operands, Shape, axis_of, filled_in, image


@dataclass(frozen=True, slots=True)
class Concat(Op):
    """Tensors one after the other along `axis`, of the same size on every other axis.

    `operands` says where constants stand among them; see `lithe.graph.ops.products`.
    """

    axis: int = 1
    operands: Operands = ()

    def shape(self, *inputs: Shape) -> Shape:
        """The first operand's shape with all sizes on `axis` added up.

        Raises:
            LitheError: the shapes differ on an axis other than `axis`.
        """
        inputs = filled_in(self.operands, inputs)
        before, after = inputs[0][: self.axis], inputs[0][self.axis + 1 :]
        for shape in inputs:
            axis_of(self.axis, shape)
            if (shape[: self.axis], shape[self.axis + 1 :]) != (before, after):
                raise LitheError(
                    f"shapes {' and '.join(map(str, inputs))} differ elsewhere than on axis "
                    f"{self.axis}, along which they are concatenated"
                )
        return (*before, sum(shape[self.axis] for shape in inputs), *after)

    def constants(self, *inputs: Shape) -> tuple[Shape, ...]:
        """Those of `operands`."""
        return tuple(shape for shape in self.operands if shape is not None)


@dataclass(frozen=True, slots=True)
class Flatten(Op):
    """Axes from `start` on become one; moves no data."""

    start: int = 1

    def shape(self, *inputs: Shape) -> Shape:
        """(*inputs[:start], the product of the rest)."""
        return (*inputs[0][: self.start], prod(inputs[0][self.start :]))


@dataclass(frozen=True, slots=True)
class Reshape(Op):
    """The same elements in the same order under another shape; moves no data."""

    out: Shape

    def shape(self, *inputs: Shape) -> Shape:
        """`out`.

        Raises:
            LitheError: it holds another number of elements.
        """
        if prod(inputs[0]) != prod(self.out):
            raise LitheError(
                f"{inputs[0]} has {prod(inputs[0])} elements and {self.out} {prod(self.out)}"
            )
        return self.out


@dataclass(frozen=True, slots=True)
class Transpose(Op):
    """Axes in another order: axis i of the output is axis `axes[i]` of the input."""

    axes: tuple[int, ...]

    def shape(self, *inputs: Shape) -> Shape:
        """The input's sizes in the new order.

        Raises:
            LitheError: `axes` does not name each axis of the input once.
        """
        if sorted(self.axes) != list(range(len(inputs[0]))):
            raise LitheError(f"axes {self.axes} do not reorder those of {inputs[0]}")
        return tuple(inputs[0][axis] for axis in self.axes)


@dataclass(frozen=True, slots=True)
class Slice(Op):
    """Elements start, start + step, ... before stop along `axis`: 0 <= start <= stop <= size."""

    axis: int
    start: int
    stop: int
    step: int = 1

    def shape(self, *inputs: Shape) -> Shape:
        """The input's shape with fewer elements on `axis`.

        Raises:
            LitheError: the range does not lie within the axis.
        """
        size = inputs[0][axis_of(self.axis, inputs[0])]
        if not (0 <= self.start <= self.stop <= size and self.step > 0):
            raise LitheError(
                f"elements {self.start} to {self.stop} by {self.step} are not within the "
                f"{size} of axis {self.axis}"
            )
        count = len(range(self.start, self.stop, self.step))
        return (*inputs[0][: self.axis], count, *inputs[0][self.axis + 1 :])


@dataclass(frozen=True, slots=True)
class Part(Op):
    """One of the tensors that an unknown operator of several outputs makes."""

    index: int
    out: Shape

    def shape(self, *inputs: Shape) -> Shape:
        """The shape that was seen when the network was captured."""
        return self.out


@dataclass(frozen=True, slots=True)
class Copy(Op):
    """The same elements, read in order, in a tensor of its own of shape `out`.

    In other words a `Reshape` whose result may not share the bytes of its input.
    """

    out: Shape

    def shape(self, *inputs: Shape) -> Shape:
        """`out`.

        Raises:
            LitheError: it holds another number of elements.
        """
        return Reshape(self.out).shape(*inputs)


@dataclass(frozen=True, slots=True)
class Pad(Op):
    """An image with a frame of `value`; sizes in pixels."""

    left: int
    right: int
    top: int
    bottom: int
    value: float = 0.0

    def shape(self, *inputs: Shape) -> Shape:
        """(n, c, h + top + bottom, w + left + right).

        Raises:
            LitheError: not an image batch.
        """
        n, c, h, w = image(inputs[0])
        return n, c, h + self.top + self.bottom, w + self.left + self.right


@dataclass(frozen=True, slots=True)
class ChannelShuffle(Op):
    """Channels of `groups` groups dealt out in turn: c = g c' + i becomes i groups + g.

    ShuffleNet (arXiv:1707.01083), section 3.1.
    """

    groups: int

    def shape(self, *inputs: Shape) -> Shape:
        """That of the input, (n, c, ...).

        Raises:
            LitheError: the channels do not divide into the groups.
        """
        if len(inputs[0]) < 2 or inputs[0][1] % self.groups:
            raise LitheError(
                f"the channels of {inputs[0]} are not divisible by groups={self.groups}"
            )
        return inputs[0]


@dataclass(frozen=True, slots=True)
class Unknown(Op):
    """An operator without a rule here: a named row in every report, never a silent zero."""

    name: str
    out: Shape

    def shape(self, *inputs: Shape) -> Shape:
        """The shape that was seen when the network was captured."""
        return self.out
