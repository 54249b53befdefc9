"""Convolutions and linear layers, each a step of its own: the unfused path."""

from dataclasses import replace
from math import prod

from lithe.engine.kernels.conv import Conv, Pointwise, conv_kernel, pointwise_kernel
from lithe.engine.kernels.rolling import Rolling, rolling_kernel
from lithe.engine.lower.context import Lowering
from lithe.engine.lower.convolution import (
    MOST_PLANES,
    Convolution,
    convolution_of,
    depthwise_of,
    macs_of,
    packed,
    packed_depthwise,
    row_of,
    window_of,
)
from lithe.engine.lower.tensor import Tensor
from lithe.engine.tiles import choose_split
from lithe.graph import Node

# Larger weights do not stay in the second-level cache from row to row.
_RESIDENT_BYTES = 512 * 1024


def lower_conv(ctx: Lowering, node: Node) -> None:
    """One convolution or linear layer by the kernel that fits it."""
    part = convolution_of(ctx, node)
    assert part is not None
    if part.is_pointwise:
        pointwise_step(ctx, part)
    elif part.is_depthwise:
        _depthwise_step(ctx, part)
    else:
        _conv_step(ctx, part)


def pointwise_step(ctx: Lowering, part: Convolution) -> None:
    """A matrix product over all pixels of the batch."""
    x = ctx.nhwc(part.source)
    out, residual = _ends(ctx, part)
    pixels = prod(x.shape) // x.shape[1]
    pitch = residual.pitch if residual else 0
    conv = part.conv
    block, tile = choose_split(ctx.isa, pixels, conv.c_out, conv.c_in, ctx.threads)
    row = row_of(ctx.isa, part, x, block, out.pitch, pitch, prefetch=True)
    row = replace(row, tile=tile)
    kernel, units = pointwise_kernel(ctx.isa, Pointwise(row, pixels))
    places = [x.place, *packed(ctx, part, row), out.place]
    if residual:
        places.append(residual.place)
    ctx.step(kernel, tuple(places), units, part.node.path, macs_of(ctx, part))


def _depthwise_step(ctx: Lowering, part: Convolution) -> None:
    x = ctx.nhwc(part.source)
    out, residual = _ends(ctx, part)
    _, _, height, width = out.shape
    window = window_of(part.conv, x, height)
    row = depthwise_of(part, x, width, out.pitch, residual.pitch if residual else 0)
    kernel, units = rolling_kernel(ctx.isa, Rolling(x.shape[0], window, row))
    places = [x.place, packed_depthwise(ctx, part), out.place]
    if residual:
        places.append(residual.place)
    ctx.step(kernel, tuple(places), units, part.node.path, macs_of(ctx, part))


def _conv_step(ctx: Lowering, part: Convolution) -> None:
    x = source_of(ctx, part)
    out, residual = _ends(ctx, part)
    _, _, height, width = out.shape
    row = row_of(ctx.isa, part, x, width, out.pitch, residual.pitch if residual else 0)
    window = window_of(part.conv, x, height)
    by_panel = part.weight_bytes > _RESIDENT_BYTES
    work = Conv(row, window, x.shape[0], part.conv.groups, by_panel)
    kernel, units = conv_kernel(ctx.isa, work)
    places = [x.place, *packed(ctx, part, row), out.place]
    if residual:
        places.append(residual.place)
    ctx.step(kernel, tuple(places), units, part.node.path, macs_of(ctx, part))


def source_of(ctx: Lowering, part: Convolution) -> Tensor:
    """The input, in the caller's planes where the convolution can read those."""
    x = ctx.tensor(part.source)
    planar = x.layout == "rows" and len(x.shape) == 4 and x.shape[1] <= MOST_PLANES
    return x if planar and part.conv.groups == 1 else ctx.nhwc(part.source)


def _ends(ctx: Lowering, part: Convolution) -> tuple[Tensor, Tensor | None]:
    residual = ctx.nhwc(part.residual) if part.residual else None
    return ctx.new(part.node.output), residual
