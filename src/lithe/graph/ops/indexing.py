"""Operators that read elements more than once, or in another order; they compute nothing."""

from dataclasses import dataclass

from lithe.errors import LitheError
from lithe.graph.ops.op import Op, Shape, axis_of, broadcast


@dataclass(frozen=True, slots=True)
class Expand(Op):
    """The same elements again and again until the shape is `out`; moves no data."""

    out: Shape

    def shape(self, *inputs: Shape) -> Shape:
        """`out`.

        Raises:
            LitheError: the input does not broadcast to it.
        """
        if broadcast(inputs[0], self.out) != self.out:
            raise LitheError(f"{inputs[0]} does not broadcast to {self.out}")
        return self.out


@dataclass(frozen=True, slots=True)
class Windows(Op):
    """Windows of `size` elements along `axis`, `step` apart; moves no data.

    Element j of window i is element i step + j dilation; the j are a new last axis.
    """

    axis: int
    size: int
    step: int
    dilation: int = 1

    def shape(self, *inputs: Shape) -> Shape:
        """The input's with the number of windows on `axis`, and `size` behind.

        Raises:
            LitheError: no window fits.
        """
        length = inputs[0][axis_of(self.axis, inputs[0])]
        count = (length - self.dilation * (self.size - 1) - 1) // self.step + 1
        if count < 1 or self.size < 1:
            raise LitheError(f"no window of {self.size} fits {length} elements")
        return (*inputs[0][: self.axis], count, *inputs[0][self.axis + 1 :], self.size)


@dataclass(frozen=True, slots=True)
class Roll(Op):
    """Element i of an axis goes to i + shift, around the end; a shift for each of `axes`."""

    shifts: tuple[int, ...]
    axes: tuple[int, ...]

    def shape(self, *inputs: Shape) -> Shape:
        """That of the input.

        Raises:
            LitheError: there is no such axis.
        """
        for axis in self.axes:
            axis_of(axis, inputs[0])
        return inputs[0]


@dataclass(frozen=True, slots=True)
class Flip(Op):
    """Some axes backwards."""

    axes: tuple[int, ...]

    def shape(self, *inputs: Shape) -> Shape:
        """That of the input.

        Raises:
            LitheError: there is no such axis.
        """
        for axis in self.axes:
            axis_of(axis, inputs[0])
        return inputs[0]


@dataclass(frozen=True, slots=True)
class PadAxes(Op):
    """A tensor with so many elements more `before` and `after` on each axis.

    `mode` says which: `constant`, all `value`; `reflect`, mirrored about the last element;
    `replicate`, the last element again; `circular`, those of the other end. `Pad` is the
    one of images in the mode `constant`.
    """

    before: tuple[int, ...]
    after: tuple[int, ...]
    mode: str = "constant"
    value: float = 0.0

    def shape(self, *inputs: Shape) -> Shape:
        """The input's with `before` and `after` added.

        Raises:
            LitheError: other axes, fewer than no elements, or more than there are to mirror.
        """
        if not len(self.before) == len(self.after) == len(inputs[0]):
            raise LitheError(f"padding {self.before} and {self.after} for axes {inputs[0]}")
        most = {"reflect": -1, "circular": 0}.get(self.mode)
        for size, *frame in zip(inputs[0], self.before, self.after, strict=True):
            if min(frame) < 0 or (most is not None and max(frame) > max(size + most, 0)):
                raise LitheError(f"an axis of {size} is padded by {frame}, mode {self.mode}")
        sizes = zip(self.before, inputs[0], self.after, strict=True)
        return tuple(map(sum, sizes))


@dataclass(frozen=True, slots=True)
class Take(Op):
    """Elements of `axis` by their index, as many as the constant of shape `index` names.

    Constants: the indices, from 0 or, negative, from the end.
    """

    axis: int
    index: Shape

    def shape(self, *inputs: Shape) -> Shape:
        """The input's with the axes of `index` in the place of `axis`.

        Raises:
            LitheError: there is no such axis.
        """
        axis_of(self.axis, inputs[0])
        return (*inputs[0][: self.axis], *self.index, *inputs[0][self.axis + 1 :])

    def constants(self, *inputs: Shape) -> tuple[Shape, ...]:
        """`index`."""
        return (self.index,)
