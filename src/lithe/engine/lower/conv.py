"""Convolutions and linear layers, each a step of its own: the unfused path."""

from dataclasses import replace
from math import prod

from lithe.engine.kernels.conv import Conv, Pointwise, conv_kernel, pointwise_kernel
from lithe.engine.kernels.rolling import Rolling, rolling_kernel
from lithe.engine.lower.context import Lowering
from lithe.engine.lower.convolution import (
    MOST_PLANES,
    Convolution,
    conv_step,
    convolution_of,
    depthwise_of,
    linear_of,
    packed,
    packed_depthwise,
    row_of,
    window_of,
)
from lithe.engine.lower.tensor import ROWS, Tensor
from lithe.engine.tiles import choose_split
from lithe.graph import Node

# Larger weights do not stay in the second-level cache from row to row.
_RESIDENT_BYTES = 512 * 1024


def lower_conv(ctx: Lowering, node: Node) -> None:
    """One convolution by the kernel that fits it."""
    part = convolution_of(ctx, node)
    assert part is not None
    if part.is_pointwise:
        pointwise_step(ctx, part)
    elif part.is_depthwise:
        _depthwise_step(ctx, part)
    else:
        _conv_step(ctx, part)


def lower_linear(ctx: Lowering, node: Node) -> None:
    """A matrix product over all rows of the input, (..., c)."""
    part = linear_of(ctx, node)
    residual = _rows(ctx, part.residual) if part.residual else None
    out = ctx.new(node.output, layout=ROWS)
    _product(ctx, part, _rows(ctx, part.source), (out.as_pixels, residual))


def _rows(ctx: Lowering, name: str) -> Tensor:
    """Rows as pixels; they may be apart, so a part of a wider tensor needs no copy."""
    x = ctx.tensor(name)
    return (x if x.layout == ROWS else ctx.rows(name)).as_pixels


def pointwise_step(ctx: Lowering, part: Convolution) -> None:
    """A matrix product over all pixels of the batch."""
    _product(ctx, part, ctx.nhwc(part.source), _ends(ctx, part))


def _product(
    ctx: Lowering, part: Convolution, x: Tensor, ends: tuple[Tensor, Tensor | None]
) -> None:
    conv, pixels = part.conv, prod(x.shape) // x.shape[1]
    block, tile = choose_split(ctx.isa, pixels, conv.c_out, conv.c_in, ctx.threads)
    row = row_of(ctx.isa, part, x, block, *_pitches(ends), prefetch=True)
    row = replace(row, tile=tile)
    made = pointwise_kernel(ctx.isa, Pointwise(row, pixels))
    conv_step(ctx, made, (x.place, *packed(ctx, part, row)), ends, part)


def _depthwise_step(ctx: Lowering, part: Convolution) -> None:
    x, ends = ctx.nhwc(part.source), _ends(ctx, part)
    _, _, height, width = ends[0].shape
    window = window_of(part.conv, x, height)
    row = depthwise_of(part, x, width, *_pitches(ends))
    made = rolling_kernel(ctx.isa, Rolling(x.shape[0], window, row))
    conv_step(ctx, made, (x.place, packed_depthwise(ctx, part)), ends, part)


def _conv_step(ctx: Lowering, part: Convolution) -> None:
    x, ends = source_of(ctx, part), _ends(ctx, part)
    _, _, height, width = ends[0].shape
    row = row_of(ctx.isa, part, x, width, *_pitches(ends))
    window = window_of(part.conv, x, height)
    by_panel = part.weight_bytes > _RESIDENT_BYTES
    made = conv_kernel(ctx.isa, Conv(row, window, x.shape[0], part.conv.groups, by_panel))
    conv_step(ctx, made, (x.place, *packed(ctx, part, row)), ends, part)


def source_of(ctx: Lowering, part: Convolution) -> Tensor:
    """The input, in the caller's planes where the convolution can read those."""
    x = ctx.tensor(part.source)
    planar = x.layout == "rows" and len(x.shape) == 4 and x.shape[1] <= MOST_PLANES
    return x if planar and part.conv.groups == 1 else ctx.nhwc(part.source)


def _ends(ctx: Lowering, part: Convolution) -> tuple[Tensor, Tensor | None]:
    residual = ctx.nhwc(part.residual) if part.residual else None
    return ctx.new(part.node.output), residual


def _pitches(ends: tuple[Tensor, Tensor | None]) -> tuple[int, int]:
    """Floats from pixel to pixel of the output, and of the residual, 0 where there is none."""
    out, residual = ends
    return out.pitch, residual.pitch if residual else 0
