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
        n, c, h, w = _image(inputs[0])
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
    """Element-wise `add`, `sub`, `mul` or `div` of tensors that broadcast; makes a tensor.

    Where one operand is a weight, there is one input.
    """

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
        return tuple(
            next((size for size in sizes if size != 1), 1) for sizes in zip(*padded, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Concat(Op):
    """Tensors one behind the other along an axis."""

    axis: int = 1

    def shape(self, *inputs: Shape) -> Shape:
        """The first shape, its `axis` the sum of all.

        Raises:
            LitheError: the shapes differ elsewhere than along `axis`.
        """
        before, after = inputs[0][: self.axis], inputs[0][self.axis + 1 :]
        for shape in inputs:
            if (shape[: self.axis], shape[self.axis + 1 :]) != (before, after):
                raise LitheError(
                    f"shapes {' and '.join(map(str, inputs))} differ elsewhere than on axis "
                    f"{self.axis}, along which they are concatenated"
                )
        return (*before, sum(shape[self.axis] for shape in inputs), *after)


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
        n, c, h, w = _image(inputs[0])
        out = _windows(
            (h, w),
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
        return (*_image(inputs[0])[:2], *self.size)


@dataclass(frozen=True, slots=True)
class Mean(Op):
    """Average over some axes, which go."""

    axes: tuple[int, ...]

    def shape(self, *inputs: Shape) -> Shape:
        """The sizes of the axes that are left."""
        return tuple(size for axis, size in enumerate(inputs[0]) if axis not in self.axes)


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
class View(Op):
    """The same bytes seen otherwise, all or some: `reshape`, `transpose`, `slice`, `getitem`."""

    kind: str
    out: Shape

    def shape(self, *inputs: Shape) -> Shape:
        """The shape that was seen when the network was captured."""
        return self.out


@dataclass(frozen=True, slots=True)
class Copy(Op):
    """The same numbers in another order of bytes, so a tensor of its own."""

    out: Shape

    def shape(self, *inputs: Shape) -> Shape:
        """The shape that was seen when the network was captured."""
        return self.out


@dataclass(frozen=True, slots=True)
class Unknown(Op):
    """An operator without a rule here: a named row in every report, never a silent zero."""

    name: str
    out: Shape

    def shape(self, *inputs: Shape) -> Shape:
        """The shape that was seen when the network was captured."""
        return self.out


# Operators that may write where they read, where nobody else needs what they overwrite.
OVERWRITES = (BatchNorm, Activation)
# Operators that write nothing: their output is a second name for the bytes of their input.
ALIASES = (Flatten, Dropout, View)


def _image(shape: Shape) -> Shape:
    if len(shape) != 4:
        raise LitheError(f"an image batch has four axes, n c h w, and this is {shape}")
    return shape


def _windows(
    size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, round_up: bool = False
) -> Pair:
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
