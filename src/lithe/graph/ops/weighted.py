"""The operators that have weights: convolution, linear layer, batch norm."""

from dataclasses import dataclass
from math import prod

from lithe.errors import LitheError
from lithe.graph.ops.op import Op, Pair, Shape, image, windows


@dataclass(frozen=True, slots=True)
class Conv2d(Op):
    """2-D convolution, c_in to c_out channels; kernel, stride, padding, dilation as (h, w).

    Constants: weight (c_out, c_in / groups, k_h, k_w) and, with `bias`, bias (c_out).
    """

    c_in: int
    c_out: int
    kernel: Pair
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1
    bias: bool = False

    def shape(self, *inputs: Shape) -> Shape:
        """(n, c_out, h_out, w_out) from (n, c_in, h, w).

        Raises:
            LitheError: channels that do not fit, or a kernel larger than the padded input.
        """
        n, c, h, w = image(inputs[0])
        if c != self.c_in:
            raise LitheError(f"a convolution of {self.c_in} input channels was given {c}")
        if self.c_in % self.groups or self.c_out % self.groups:
            raise LitheError(
                f"{self.c_in} input and {self.c_out} output channels are not both divisible "
                f"by groups={self.groups}"
            )
        return (
            n,
            self.c_out,
            *windows((h, w), self.kernel, self.stride, self.padding, self.dilation),
        )

    def macs(self, *inputs: Shape) -> int:
        """One per weight of a filter and output element; padding counts as if it were data."""
        out = self.shape(*inputs)
        return prod(out) * (self.c_in // self.groups) * prod(self.kernel)


@dataclass(frozen=True, slots=True)
class Linear(Op):
    """Fully connected layer on the last axis, c_in to c_out.

    Constants: weight (c_out, c_in) and, with `bias`, bias (c_out).
    """

    c_in: int
    c_out: int
    bias: bool = True

    def shape(self, *inputs: Shape) -> Shape:
        """(..., c_out) from (..., c_in).

        Raises:
            LitheError: the last axis is not c_in.
        """
        if not inputs[0]:
            raise LitheError(f"a linear layer of {self.c_in} inputs was given a single number")
        *rest, c = inputs[0]
        if c != self.c_in:
            raise LitheError(f"a linear layer of {self.c_in} inputs was given {c}")
        return (*rest, self.c_out)

    def macs(self, *inputs: Shape) -> int:
        """c_in for every output element."""
        return prod(self.shape(*inputs)) * self.c_in


@dataclass(frozen=True, slots=True)
class BatchNorm(Op):
    """Per-channel scale and shift by statistics that are known: (x - mean) / sqrt(var + eps).

    Channels are axis 1. Constants: weight, bias, running_mean and running_var, each (c).
    Folded by any runtime into the convolution before it, where there is one.
    """

    c: int
    eps: float = 1e-5

    def shape(self, *inputs: Shape) -> Shape:
        """That of the input, (n, c, ...).

        Raises:
            LitheError: axis 1 is not c.
        """
        if len(inputs[0]) < 2 or inputs[0][1] != self.c:
            raise LitheError(f"a batch norm of {self.c} channels was given {inputs[0]}")
        return inputs[0]

    def other_ops(self, *inputs: Shape) -> int:
        """Two an element, scale and shift; `lithe.cost` leaves them out where it folds."""
        return 2 * prod(inputs[0])
