"""One frozen dataclass per operator: its shape rule, its multiply-accumulates, its bytes.

Shapes are tuples in the order n c h w (n c after flattening). An operator is a value: no
weights, no names, no torch. Adding one is one dataclass here and one line in the capture.
"""

from dataclasses import dataclass
from math import ceil, prod

from lithe.errors import LitheError

Shape = tuple[int, ...]
Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Op:
    """What every operator answers; one that multiplies nothing answers 0 MACs."""

    def shape(self, *inputs: Shape) -> Shape:
        """Shape of the output, that of the first input unless the operator says otherwise."""
        return inputs[0]

    def macs(self, *inputs: Shape) -> int:
        """Multiply-accumulates of one run on inputs of these shapes."""
        return 0


@dataclass(frozen=True, slots=True)
class Conv2d(Op):
    """2-D convolution, c_in to c_out channels; kernel, stride, padding, dilation as (h, w)."""

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
        n, c, h, w = inputs[0]
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
            *_windows((h, w), self.kernel, self.stride, self.padding, self.dilation),
        )

    def macs(self, *inputs: Shape) -> int:
        """One per weight of a filter and output element; padding counts as if it were data."""
        out = self.shape(*inputs)
        return prod(out) * (self.c_in // self.groups) * prod(self.kernel)


@dataclass(frozen=True, slots=True)
class Linear(Op):
    """Fully connected layer on the last axis, c_in to c_out."""

    c_in: int
    c_out: int
    bias: bool = True

    def shape(self, *inputs: Shape) -> Shape:
        """(..., c_out) from (..., c_in).

        Raises:
            LitheError: the last axis is not c_in.
        """
        *rest, c = inputs[0]
        if c != self.c_in:
            raise LitheError(f"a linear layer of {self.c_in} inputs was given {c}")
        return (*rest, self.c_out)

    def macs(self, *inputs: Shape) -> int:
        """c_in for every output element."""
        return prod(self.shape(*inputs)) * self.c_in


@dataclass(frozen=True, slots=True)
class BatchNorm(Op):
    """Per-channel scale and shift; folded into the convolution before it by any runtime."""

    c: int


@dataclass(frozen=True, slots=True)
class Activation(Op):
    """An element-wise function of one tensor, by its usual name (`relu6`)."""

    kind: str


@dataclass(frozen=True, slots=True)
class Binary(Op):
    """Element-wise `add` or `mul` of two tensors that broadcast."""

    kind: str

    def shape(self, *inputs: Shape) -> Shape:
        """The broadcast shape of both inputs.

        Raises:
            LitheError: the shapes do not broadcast.
        """
        longest = max(len(shape) for shape in inputs)
        padded = [(1,) * (longest - len(shape)) + shape for shape in inputs]
        for sizes in zip(*padded, strict=True):
            if len({size for size in sizes if size != 1}) > 1:
                raise LitheError(f"shapes {' and '.join(map(str, inputs))} do not broadcast")
        return tuple(max(sizes) for sizes in zip(*padded, strict=True))


@dataclass(frozen=True, slots=True)
class Concat(Op):
    """Tensors one behind the other along an axis."""

    axis: int = 1

    def shape(self, *inputs: Shape) -> Shape:
        """The first shape, its `axis` the sum of all."""
        first = list(inputs[0])
        first[self.axis] = sum(shape[self.axis] for shape in inputs)
        return tuple(first)


@dataclass(frozen=True, slots=True)
class Pool2d(Op):
    """`max` or `avg` over windows; (h, w) pairs as for a convolution."""

    kind: str
    kernel: Pair
    stride: Pair
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    ceil_mode: bool = False

    def shape(self, *inputs: Shape) -> Shape:
        """(n, c, h_out, w_out); `ceil_mode` rounds up where a window still starts inside."""
        n, c, *size = inputs[0]
        out = _windows(
            (size[0], size[1]),
            self.kernel,
            self.stride,
            self.padding,
            self.dilation,
            self.ceil_mode,
        )
        return (n, c, *out)


@dataclass(frozen=True, slots=True)
class AdaptiveAvgPool2d(Op):
    """Average over as many windows as the output has pixels; 1 x 1 is global pooling."""

    size: Pair = (1, 1)

    def shape(self, *inputs: Shape) -> Shape:
        """(n, c, *size)."""
        return (*inputs[0][:2], *self.size)


@dataclass(frozen=True, slots=True)
class Flatten(Op):
    """Axes from `start` on become one; moves no data."""

    start: int = 1

    def shape(self, *inputs: Shape) -> Shape:
        """(*inputs[:start], the product of the rest)."""
        return (*inputs[0][: self.start], prod(inputs[0][self.start :]))


@dataclass(frozen=True, slots=True)
class Dropout(Op):
    """Nothing at inference."""


@dataclass(frozen=True, slots=True)
class Unknown(Op):
    """An operator without a rule here: a named row in every report, never a silent zero."""

    name: str
    out: Shape

    def shape(self, *inputs: Shape) -> Shape:
        """The shape that was seen when the network was captured."""
        return self.out


# Operators that write where they read, or write nothing: no memory of their own.
IN_PLACE = (BatchNorm, Activation, Dropout, Flatten)


def _windows(
    size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, round_up: bool = False
) -> Pair:
    out = []
    for h, k, s, p, d in zip(size, kernel, stride, padding, dilation, strict=True):
        span = h + 2 * p - d * (k - 1) - 1
        if span < 0:
            raise LitheError(
                f"a kernel of {k} with dilation {d} does not fit an input of {h} pixels "
                f"padded by {p}"
            )
        count = (ceil(span / s) if round_up else span // s) + 1
        if round_up and (count - 1) * s >= h + p:  # a window must start inside input or left pad
            count -= 1
        out.append(count)
    return out[0], out[1]
