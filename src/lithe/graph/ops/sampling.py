"""Operators that look at neighbouring pixels: pooling, averaging, resizing."""

from dataclasses import dataclass
from math import prod

from lithe.errors import LitheError
from lithe.graph.ops.op import Op, Pair, Shape, axis_of, image, windows


@dataclass(frozen=True, slots=True)
class Pool2d(Op):
    """`max` or `avg` over windows; (h, w) pairs as for a convolution.

    An average divides by the pixels of its window that lie inside the padded input, with
    `count_include_pad=False` by those inside the input. A maximum never looks at padding.
    """

    kind: str
    kernel: Pair
    stride: Pair
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    ceil_mode: bool = False
    count_include_pad: bool = True

    def shape(self, *inputs: Shape) -> Shape:
        """(n, c, h_out, w_out); `ceil_mode` rounds up where a window still starts inside.

        Raises:
            LitheError: a kernel larger than the padded input, or more padding than half a
                kernel, which would leave a window with nothing in it.
        """
        n, c, h, w = image(inputs[0])
        if any(2 * p > k for p, k in zip(self.padding, self.kernel, strict=True)):
            raise LitheError(f"padding {self.padding} is more than half of kernel {self.kernel}")
        out = windows(
            (h, w),
            self.kernel,
            self.stride,
            self.padding,
            self.dilation,
            self.ceil_mode,
        )
        return (n, c, *out)

    def other_ops(self, *inputs: Shape) -> int:
        """One for each element of a window and output element; padding counts as data."""
        return prod(self.shape(*inputs)) * prod(self.kernel)


@dataclass(frozen=True, slots=True)
class AdaptivePool2d(Op):
    """`avg` or `max` over as many windows as the output has pixels; 1 x 1 is global pooling.

    Window i of h_out over h pixels goes from floor(i h / h_out) to ceil((i + 1) h / h_out).
    """

    kind: str = "avg"
    size: Pair = (1, 1)

    def shape(self, *inputs: Shape) -> Shape:
        """(n, c, *size)."""
        return (*image(inputs[0])[:2], *self.size)

    def other_ops(self, *inputs: Shape) -> int:
        """One for each element of a window and output element; windows may overlap."""
        n, c, *sides = image(inputs[0])
        taps = (
            sum(-(-(i + 1) * h // h_out) - i * h // h_out for i in range(h_out))
            for h, h_out in zip(sides, self.size, strict=True)
        )
        return n * c * prod(taps)


@dataclass(frozen=True, slots=True)
class Pool3d(Op):
    """`Pool2d` over three axes, (d, h, w) each."""

    kind: str
    kernel: Shape
    stride: Shape
    padding: Shape = (0, 0, 0)
    dilation: Shape = (1, 1, 1)
    ceil_mode: bool = False
    count_include_pad: bool = True

    def shape(self, *inputs: Shape) -> Shape:
        """(n, c, d_out, h_out, w_out); `ceil_mode` as for `Pool2d`.

        Raises:
            LitheError: not five axes, a kernel larger than the padded input, or more
                padding than half a kernel.
        """
        if len(inputs[0]) != 5:
            raise LitheError(f"a pooling over three axes was given {inputs[0]}")
        if any(2 * p > k for p, k in zip(self.padding, self.kernel, strict=True)):
            raise LitheError(f"padding {self.padding} is more than half of kernel {self.kernel}")
        each = (self.kernel, self.stride, self.padding, self.dilation)
        return (*inputs[0][:2], *windows(inputs[0][2:], *each, self.ceil_mode))

    def other_ops(self, *inputs: Shape) -> int:
        """One for each element of a window and output element; padding counts as data."""
        return prod(self.shape(*inputs)) * prod(self.kernel)


@dataclass(frozen=True, slots=True)
class Mean(Op):
    """Average over some axes, which go or, with `keepdim`, become 1."""

    axes: tuple[int, ...]
    keepdim: bool = False

    def shape(self, *inputs: Shape) -> Shape:
        """The sizes of the axes that are left.

        Raises:
            LitheError: there is no such axis.
        """
        for axis in self.axes:
            axis_of(axis, inputs[0])
        return tuple(
            1 if axis in self.axes else size
            for axis, size in enumerate(inputs[0])
            if self.keepdim or axis not in self.axes
        )

    def other_ops(self, *inputs: Shape) -> int:
        """One an input element."""
        return prod(inputs[0])


# What `Reduce` makes of the elements, and its operations for each of them. `l1` and `l2` are
# norms, the sum of |x| and the root of the sum of x^2.
REDUCTIONS = {"sum": 1, "max": 1, "min": 1, "prod": 1, "l1": 2, "l2": 2, "var": 4, "std": 4}


@dataclass(frozen=True, slots=True)
class Reduce(Op):
    """One number, by one of `REDUCTIONS`, of all elements along some axes; those go.

    With `keepdim` they become 1. Variances divide by n - `correction`. The average is `Mean`.
    """

    kind: str
    axes: tuple[int, ...]
    keepdim: bool = False
    correction: float = 0.0

    def shape(self, *inputs: Shape) -> Shape:
        """The sizes of the axes that are left.

        Raises:
            LitheError: there is no such axis.
        """
        return Mean(self.axes, self.keepdim).shape(*inputs)

    def other_ops(self, *inputs: Shape) -> int:
        """One an input element, or as many as `REDUCTIONS` says."""
        return REDUCTIONS[self.kind] * prod(inputs[0])


@dataclass(frozen=True, slots=True)
class Resize(Op):
    """An image of another size: `nearest`, `bilinear` or `bicubic`, with torch's coordinates.

    With r input pixels per output pixel (`ratios`), output pixel i reads, `nearest`, input
    pixel floor(i r); `bilinear`, between the two pixels around (i + 0.5) r - 0.5, at least
    0, or with `align_corners` around i r. Indices are cut at the last pixel. torch works
    them out in the type of the numbers: float32 for a float32 image. `bicubic` mixes the
    four pixels around the same place, which may lie outside, on each axis: one at a distance
    of t < 1 by (1.25 t - 2.25) t^2 + 1, else by ((-0.75 t + 3.75) t - 6) t + 3.

    `scale` holds the factors that the network was written with, where it was written with
    factors: they need not be the quotient of the sizes.
    """

    size: Pair
    mode: str = "nearest"
    align_corners: bool = False
    scale: tuple[float, float] | None = None

    def shape(self, *inputs: Shape) -> Shape:
        """(n, c, *size)."""
        return (*image(inputs[0])[:2], *self.size)

    def other_ops(self, *inputs: Shape) -> int:
        """One for each pixel that an output pixel is mixed from; `nearest` only moves."""
        return {"nearest": 0, "bilinear": 4, "bicubic": 16}[self.mode] * prod(self.shape(*inputs))

    def ratios(self, input_shape: Shape) -> tuple[float, float]:
        """Input pixels per output pixel, (h, w).

        >>> Resize((6, 8), "bilinear", align_corners=True).ratios((1, 3, 3, 4))
        (0.4, 0.42857142857142855)
        """
        result = []
        for axis, h_out in enumerate(self.size):
            h = input_shape[2 + axis]
            if self.align_corners:
                result.append((h - 1) / (h_out - 1) if h_out > 1 else 0.0)
            else:
                result.append(1 / self.scale[axis] if self.scale else h / h_out)
        return result[0], result[1]
