"""What every operator answers, and the two rules that several of them share."""

from dataclasses import dataclass
from math import ceil

from lithe.errors import LitheError

Shape = tuple[int, ...]
Pair = tuple[int, int]
# What an operator is applied to: None for the node's next input, a shape for a constant.
Operands = tuple[Shape | None, ...]


@dataclass(frozen=True, slots=True)
class Op:
    """What every operator answers; one that works out nothing answers 0 to both counts."""

    def shape(self, *inputs: Shape) -> Shape:
        """Shape of the output, that of the first input unless the operator says otherwise."""
        return inputs[0]

    def macs(self, *inputs: Shape) -> int:
        """Multiply-accumulates of one run on inputs of these shapes."""
        return 0

    def other_ops(self, *inputs: Shape) -> int:
        """Operations on elements that are no multiply-accumulates, of one such run.

        One is what makes one number of one or two: an addition, a comparison, a function
        such as `exp`, however many instructions a machine takes for it.
        """
        return 0

    def constants(self, *inputs: Shape) -> tuple[Shape, ...]:
        """Shapes of the constants that it reads beside inputs of these shapes, in order."""
        return ()


def image(shape: Shape) -> Shape:
    """The same shape, n c h w.

    Raises:
        LitheError: it has another number of axes.
    """
    if len(shape) != 4:
        raise LitheError(f"an image batch has four axes, n c h w, and this is {shape}")
    return shape


def filled_in(operands: Operands, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
    """Shapes of all operands of an operator that is given these inputs.

    Raises:
        LitheError: there are more inputs, or fewer.
    """
    if not operands:
        return inputs
    left = list(inputs)
    if len(left) != operands.count(None):
        raise LitheError(f"{len(left)} inputs for operands {operands}")
    return tuple(left.pop(0) if shape is None else shape for shape in operands)


def broadcast(*shapes: Shape) -> Shape:
    """The shape that element-wise operators on these make.

    Raises:
        LitheError: they do not broadcast.
    """
    longest = max(len(shape) for shape in shapes)
    padded = [(1,) * (longest - len(shape)) + shape for shape in shapes]
    for sizes in zip(*padded, strict=True):
        if len({size for size in sizes if size != 1}) > 1:
            raise LitheError(f"shapes {' and '.join(map(str, shapes))} do not broadcast")
    return tuple(
        next((size for size in sizes if size != 1), 1) for sizes in zip(*padded, strict=True)
    )


def windows(
    size: Shape,
    kernel: Shape,
    stride: Shape,
    padding: Shape,
    dilation: Shape,
    round_up: bool = False,
) -> Shape:
    """How many windows fit along each axis of an image: (h, w), or of another rank.

    Raises:
        LitheError: none does.
    """
    out = []
    for h, k, s, p, d in zip(size, kernel, stride, padding, dilation, strict=True):
        span = h + 2 * p - d * (k - 1) - 1
        count = (ceil(span / s) if round_up else span // s) + 1
        if round_up and (count - 1) * s >= h + p:  # a window must start inside input or left pad
            count -= 1
        if count < 1:
            raise LitheError(
                f"a kernel of {k} with dilation {d} does not fit an input of {h} pixels "
                f"padded by {p}"
            )
        out.append(count)
    return tuple(out)


def axis_of(axis: int, shape: Shape) -> int:
    """The same axis, counted from 0.

    Raises:
        LitheError: the shape has no such axis.
    """
    if not 0 <= axis < len(shape):
        raise LitheError(f"{shape} has no axis {axis}")
    return axis
