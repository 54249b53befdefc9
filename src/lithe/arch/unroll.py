"""From a table to its blocks: multipliers applied, repeats written out, sizes known."""

from dataclasses import dataclass
from math import ceil

from lithe.arch.rows import (
    Activation,
    Architecture,
    Conv,
    DepthwiseSeparable,
    FusedInvertedResidual,
    InvertedResidual,
    Row,
)
from lithe.errors import LitheError

SMALLEST_INPUT = 8  # pixels; below it not even one stride of 2 leaves a 4 x 4 map


@dataclass(frozen=True, slots=True)
class Block:
    """One repeat of one row with its channels, stride and square map sizes in pixels.

    `activation` is the row's own or else the architecture's.
    """

    row_index: int
    row: Row
    c_in: int
    c_out: int
    stride: int
    h_in: int
    h_out: int
    activation: Activation

    @property
    def c_expanded(self) -> int:
        """Channels between expansion and projection; c_in where the row does not expand."""
        expands = isinstance(self.row, InvertedResidual | FusedInvertedResidual)
        return self.c_in * self.row.t if expands else self.c_in  # type: ignore[union-attr]

    @property
    def c_squeezed(self) -> int:
        """Channels in the middle of squeeze-and-excite; 0 where the row has none."""
        has = isinstance(self.row, InvertedResidual | DepthwiseSeparable)
        divisor = self.row.squeeze if has else None  # type: ignore[union-attr]
        return round_channels(self.c_expanded / divisor) if divisor else 0

    @property
    def adds_input(self) -> bool:
        """Whether the block's input is added to its output."""
        shortcut = isinstance(self.row, FusedInvertedResidual) or (
            isinstance(self.row, InvertedResidual) and self.row.shortcut == "bottleneck"
        )
        return shortcut and self.stride == 1 and self.c_in == self.c_out


def round_channels(channels: float, divisor: int = 8) -> int:
    """Round to a multiple of 8, at least 8, never down by more than 10 %.

    The rule of the MobileNet papers' published code.

    >>> round_channels(32 * 0.35), round_channels(24 * 0.5), round_channels(1280 * 1.4)
    (16, 16, 1792)
    """
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


def _widened(row: Row, index: int, width: float) -> int:
    if isinstance(row, Conv) and (
        row.widen == "never" or (row.widen == "above_one" and width < 1.0)
    ):
        return row.c
    if row.c * width < 1:
        raise LitheError(
            f"row {index}: {row.c} channels x width {width:g} = {row.c * width:.3g}, which is no "
            f"channel at all; the smallest width for this row is {1 / row.c:.3g}"
        )
    return round_channels(row.c * width)


def strides(arch: Architecture) -> tuple[int, ...]:
    """The stride of each row at this architecture's resolution.

    The rule for small inputs: starting with the earliest, strides become 1 until the last
    feature map is at least `min_last_map` pixels wide. With the default of 4 and a total
    stride of 32 that touches inputs of 96 pixels and less.

    Raises:
        LitheError: the input is smaller than 8 pixels, or, with `min_last_map=1`, smaller
            than the table's total stride.
    """
    result = [row.s for row in arch.rows]
    total = 1
    for stride in result:
        total *= stride
    if arch.min_last_map == 1:
        if arch.resolution < total:
            raise LitheError(
                f"{arch.name}: resolution {arch.resolution} is below the network's stride of "
                f"{total}; use {total} or more, or leave out the paper's strides"
            )
        return tuple(result)
    if arch.resolution < SMALLEST_INPUT:
        raise LitheError(
            f"{arch.name}: resolution {arch.resolution} is too small; "
            f"use {SMALLEST_INPUT} pixels or more"
        )
    for index, stride in enumerate(result):
        if _last_map(arch.resolution, result) >= min(arch.min_last_map, arch.resolution):
            break
        if stride > 1:
            result[index] = 1
    return tuple(result)


def _last_map(resolution: int, row_strides: list[int]) -> int:
    for stride in row_strides:
        resolution = ceil(resolution / stride)
    return resolution


def unroll(arch: Architecture) -> tuple[Block, ...]:
    """Every block of the network in order of processing.

    Convolutions pad by (k - 1) // 2 on each side, so a map of h pixels becomes
    ceil(h / s) pixels for odd kernels.

    Raises:
        LitheError: a width that leaves a row without channels, a resolution below the
            network's stride, or an even kernel.
    """
    blocks: list[Block] = []
    c_in, h_in = arch.in_channels, arch.resolution
    for index, (row, stride) in enumerate(zip(arch.rows, strides(arch), strict=True)):
        if row.k % 2 == 0:
            raise LitheError(f"{arch.name}, row {index}: kernel {row.k} is even; use an odd one")
        c_out = _widened(row, index, arch.width)
        for repeat in range(row.n):
            s = stride if repeat == 0 else 1
            h_out = ceil(h_in / s)
            activation = row.act or arch.activation
            blocks.append(Block(index, row, c_in, c_out, s, h_in, h_out, activation))
            c_in, h_in = c_out, h_out
    return tuple(blocks)
