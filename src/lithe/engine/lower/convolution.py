"""A convolution node read once: its shapes, where its numbers lie, its weights packed.

Everything that writes a convolution, alone or inside a fused block, starts here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lithe.engine.isa import InstructionSet
from lithe.engine.kernels.depthwise import RowDepthwise, pack_depthwise
from lithe.engine.kernels.row_conv import Floats, RowConv, pack_panels, pad_bias
from lithe.engine.kernels.window import Window
from lithe.engine.lower.context import Lowering
from lithe.engine.lower.tensor import Tensor
from lithe.engine.program import Kernel, Place, Weights
from lithe.engine.tiles import choose_tile
from lithe.graph import Node
from lithe.graph.ops import Conv2d, Fused, Linear, Op

# A stem reads the caller's planes where it stands; with more channels n h w c is quicker.
MOST_PLANES = 4


@dataclass(frozen=True, slots=True)
class Convolution:
    """A node that is a convolution or a linear layer, with what is fused to it."""

    node: Node
    conv: Conv2d
    weight: Floats  # c_out, c_in / groups, kh, kw
    bias: Floats
    activation: str
    act_args: tuple[float, ...]
    residual: str  # the tensor that is added, or ""

    @property
    def source(self) -> str:
        """The tensor that is convolved."""
        return self.node.inputs[0]

    @property
    def is_pointwise(self) -> bool:
        """One pixel in, one pixel out, all channels."""
        c = self.conv
        return (c.kernel, c.stride, c.padding, c.groups) == ((1, 1), (1, 1), (0, 0), 1)

    @property
    def is_depthwise(self) -> bool:
        """Every channel by itself."""
        return self.conv.groups == self.conv.c_in == self.conv.c_out > 1

    @property
    def weight_bytes(self) -> int:
        """Of the filter alone."""
        return int(self.weight.nbytes)


def convolution_of(ctx: Lowering, node: Node) -> Convolution | None:
    """The convolution that a node is, or None."""
    op = _inner(node)
    return _convolution(ctx, node, op) if isinstance(op, Conv2d) else None


def linear_of(ctx: Lowering, node: Node) -> Convolution:
    """A linear layer as a pointwise convolution, its rows as pixels."""
    op = _inner(node)
    assert isinstance(op, Linear)
    return _convolution(ctx, node, Conv2d(op.c_in, op.c_out, (1, 1), bias=op.bias))


def _inner(node: Node) -> Op:
    return node.op.op if isinstance(node.op, Fused) else node.op


def _convolution(ctx: Lowering, node: Node, conv: Conv2d) -> Convolution:
    residual, activation = "", None
    if isinstance(node.op, Fused):
        residual = node.inputs[-1] if node.op.residual else ""
        activation = node.op.activation
    weight, *bias = ctx.constants(node)
    shape = (conv.c_out, conv.c_in // conv.groups, *conv.kernel)
    kind, args = (activation.kind, activation.args) if activation else ("", ())
    return Convolution(
        node,
        conv,
        weight.reshape(shape),
        bias[0] if conv.bias else np.zeros(conv.c_out, np.float32),
        kind,
        args,
        residual,
    )


def window_of(conv: Conv2d, x: Tensor, height_out: int) -> Window:
    """The vertical half of a convolution over x."""
    _, c, h, w = x.shape
    vertical = conv.kernel[0], conv.stride[0], conv.dilation[0], conv.padding[0]
    if x.layout == "rows":
        return Window(*vertical, h, height_out, w, planes=c, plane_floats=h * w)
    return Window(*vertical, h, height_out, w * x.pitch)


def row_of(
    isa: InstructionSet,
    part: Convolution,
    x: Tensor,
    pixels: int,
    out_pitch: int,
    residual_pitch: int = 0,
    *,
    most_vectors: int = 12,
    prefetch: bool = False,
) -> RowConv:
    """The horizontal half: `pixels` outputs of every row of x, which may lie in planes."""
    conv = part.conv
    planes = x.shape[1] if x.layout == "rows" else 0
    depth = 1 if planes else conv.c_in // conv.groups
    rows, columns = conv.kernel[0] * max(planes, 1), conv.kernel[1]
    n = conv.c_out // conv.groups
    tile = choose_tile(
        isa, pixels, n, depth * rows * columns, most_vectors, 1 if depth > 1 else columns
    )
    row = RowConv(
        pixels,
        n,
        depth,
        1 if planes else x.pitch,
        out_pitch,
        tile,
        rows=rows,
        columns=columns,
        stride=conv.stride[1],
        dilation=conv.dilation[1],
        pad=conv.padding[1],
        width_in=x.shape[3],
        activation=part.activation,
        act_args=part.act_args,
        residual_pitch=residual_pitch,
    )
    if part.is_pointwise and not planes:
        return replace(row, direct=True, width_in=0, prefetch=prefetch)
    return row


def depthwise_of(
    part: Convolution, x: Tensor, pixels: int, out_pitch: int, residual_pitch: int = 0
) -> RowDepthwise:
    """The horizontal half of a depthwise convolution."""
    conv = part.conv
    return RowDepthwise(
        pixels,
        conv.c_out,
        conv.kernel,
        conv.stride[1],
        conv.padding[1],
        x.shape[3],
        x.pitch,
        out_pitch,
        conv.dilation[1],
        part.activation,
        part.act_args,
        residual_pitch,
    )


def packed(ctx: Lowering, part: Convolution, row: RowConv) -> tuple[Weights, Weights]:
    """Weights and bias as the row functions of `row` read them."""
    isa, conv, name = ctx.isa, part.conv, part.node.output
    width, n = row.panel_width(isa), conv.c_out // conv.groups
    planes = "planes" if row.rows > conv.kernel[0] else "channels"
    weight_name, bias_name = f"{name}.weight.{width}.{planes}", f"{name}.bias"
    if not ctx.packs:
        return Weights(weight_name), Weights(bias_name)
    groups, biases = [], []
    for start in range(0, conv.c_out, n):
        weight = part.weight[start : start + n]
        if row.rows > conv.kernel[0]:  # planes: a row of the kernel reads one row of each
            order = weight.transpose(2, 1, 3, 0).reshape(row.rows, row.columns, 1, n)
        else:
            order = weight.transpose(2, 3, 1, 0)
        groups.append(pack_panels(np.ascontiguousarray(order), width, isa.lanes))
        biases.append(pad_bias(part.bias[start : start + n], isa.lanes))
    # In memory the bias comes first, so that prefetching runs from weights into weights.
    bias = ctx.weights(bias_name, np.concatenate(biases))
    return ctx.weights(weight_name, np.concatenate(groups)), bias


def packed_depthwise(ctx: Lowering, part: Convolution) -> Weights:
    """Weights and bias of a depthwise convolution."""
    name = f"{part.node.output}.taps"
    if not ctx.packs:
        return Weights(name)
    return ctx.weights(name, pack_depthwise(part.weight[:, 0], part.bias, ctx.isa.lanes))


def macs_of(ctx: Lowering, *parts: Convolution) -> int:
    """Multiply-accumulates of these convolutions together."""
    shapes = ctx.model.graph.shapes
    return sum(part.node.op.macs(*(shapes[name] for name in part.node.inputs)) for part in parts)


def conv_step(
    ctx: Lowering,
    made: tuple[Kernel, int],
    places: Sequence[Place],
    ends: tuple[Tensor, Tensor | None],
    *parts: Convolution,
) -> None:
    """A step of `parts`, a kernel and its units: `places`, then output and residual."""
    kernel, units = made
    args = (*places, *(tensor.place for tensor in ends if tensor))
    ctx.step(kernel, args, units, parts[-1].node.path, macs_of(ctx, *parts))
