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

    def constants(self, *inputs: Shape) -> tuple[Shape, ...]:
        """Weight and, with `bias`, bias."""
        weight = (self.c_out, self.c_in // self.groups, *self.kernel)
        return (weight, (self.c_out,))[: 1 + self.bias]


@dataclass(frozen=True, slots=True)
class ConvNd(Op):
    """Convolution over one axis or three: as `Conv2d`, with as many sizes as there are axes.

    Constants: weight (c_out, c_in / groups, *kernel) and, with `bias`, bias (c_out). Where
    the weight is `dynamic`, worked out from the input, these are further inputs instead, and
    there may be two axes.
    """

    c_in: int
    c_out: int
    kernel: Shape
    stride: Shape
    padding: Shape
    dilation: Shape
    groups: int = 1
    bias: bool = False
    dynamic: bool = False

    def shape(self, *inputs: Shape) -> Shape:
        """(n, c_out, *sizes) from (n, c_in, *sizes).

        Raises:
            LitheError: another number of axes, channels that do not fit, a kernel larger
                than the padded input, or another weight.
        """
        n, *size = _channels(self, inputs[0])
        if inputs[1:] != (self._weights() if self.dynamic else ()):
            raise LitheError(f"a convolution was given inputs {inputs}")
        out = windows(tuple(size), self.kernel, self.stride, self.padding, self.dilation)
        return (n, self.c_out, *out)

    def macs(self, *inputs: Shape) -> int:
        """One per weight of a filter and output element; padding counts as if it were data."""
        return prod(self.shape(*inputs)) * (self.c_in // self.groups) * prod(self.kernel)

    def constants(self, *inputs: Shape) -> tuple[Shape, ...]:
        """Weight and, with `bias`, bias; none where the weight is `dynamic`."""
        return () if self.dynamic else self._weights()

    def _weights(self) -> tuple[Shape, ...]:
        weight = (self.c_out, self.c_in // self.groups, *self.kernel)
        return (weight, (self.c_out,))[: 1 + self.bias]


@dataclass(frozen=True, slots=True)
class ConvTransposed(Op):
    """Transposed convolution over one to three axes: what a convolution's gradient does.

    Each input pixel adds its value times a filter to the output, at stride s from its
    neighbour's: input i and tap t meet at output i s + t d - p, if that is inside. Per axis
    the output has (h - 1) s - 2 p + d (k - 1) + 1 + `output_padding` pixels. Constants:
    weight (c_in, c_out / groups, *kernel) and, with `bias`, bias (c_out).
    """

    c_in: int
    c_out: int
    kernel: Shape
    stride: Shape
    padding: Shape
    dilation: Shape
    output_padding: Shape
    groups: int = 1
    bias: bool = False

    def shape(self, *inputs: Shape) -> Shape:
        """(n, c_out, *sizes) from (n, c_in, *sizes).

        Raises:
            LitheError: another number of axes, channels that do not fit, nothing left of
                the output, or an output padding that is not below stride or dilation.
        """
        n, *size = _channels(self, inputs[0])
        each = (self.kernel, self.stride, self.padding, self.dilation, self.output_padding)
        out = []
        for h, k, s, p, d, more in zip(size, *each, strict=True):
            if more >= max(s, d):
                raise LitheError(f"output padding {more} is not below stride {s} or dilation {d}")
            out.append((h - 1) * s - 2 * p + d * (k - 1) + 1 + more)
        if min(out) < 1:
            raise LitheError(f"padding {self.padding} leaves nothing of the output")
        return (n, self.c_out, *out)

    def macs(self, *inputs: Shape) -> int:
        """One per weight of a filter and input element; what is cut off counts, too."""
        self.shape(*inputs)
        return prod(inputs[0]) * (self.c_out // self.groups) * prod(self.kernel)

    def constants(self, *inputs: Shape) -> tuple[Shape, ...]:
        """Weight and, with `bias`, bias."""
        weight = (self.c_in, self.c_out // self.groups, *self.kernel)
        return (weight, (self.c_out,))[: 1 + self.bias]


def _channels(op: ConvNd | ConvTransposed, shape: Shape) -> Shape:
    """The batch and the sizes behind the channels, which fit the operator."""
    if len(shape) != 2 + len(op.kernel):
        raise LitheError(f"a convolution over {len(op.kernel)} axes was given {shape}")
    if shape[1] != op.c_in:
        raise LitheError(f"a convolution of {op.c_in} input channels was given {shape[1]}")
    if op.c_in % op.groups or op.c_out % op.groups:
        raise LitheError(
            f"{op.c_in} input and {op.c_out} output channels are not both divisible by "
            f"groups={op.groups}"
        )
    return (shape[0], *shape[2:])


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

    def constants(self, *inputs: Shape) -> tuple[Shape, ...]:
        """Weight and, with `bias`, bias."""
        return ((self.c_out, self.c_in), (self.c_out,))[: 1 + self.bias]


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

    def constants(self, *inputs: Shape) -> tuple[Shape, ...]:
        """(c) for each of the four."""
        return ((self.c,),) * 4
