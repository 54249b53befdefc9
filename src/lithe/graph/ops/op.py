"""What every operator answers, and the two rules that several of them share."""

from dataclasses import dataclass
from math import ceil

from lithe.errors import LitheError

Shape = tuple[int, ...]
Pair = tuple[int, int]


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


def image(shape: Shape) -> Shape:
    """The same shape, n c h w.

    Raises:
        LitheError: it has another number of axes.
    """
    if len(shape) != 4:
        raise LitheError(f"an image batch has four axes, n c h w, and this is {shape}")
    return shape


def windows(
    size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, round_up: bool = False
) -> Pair:
    """How many windows fit (h, w) pixels.

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
    return out[0], out[1]


def axis_of(axis: int, shape: Shape) -> int:
    """The same axis, counted from 0.

    Raises:
        LitheError: the shape has no such axis.
    """
    if not 0 <= axis < len(shape):
        raise LitheError(f"{shape} has no axis {axis}")
    return axis
