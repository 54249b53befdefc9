"""Runs a model with torch, operator by operator, as plainly as possible.

What every pass and every kernel is held against. It shares no code with the doors.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from tests.graph.reference_more import apply_more
from torch import Tensor

from lithe.graph import Model, Node
from lithe.graph.ops import (
    Activation,
    AdaptivePool2d,
    BatchNorm,
    Binary,
    ChannelShuffle,
    Concat,
    Conv2d,
    Copy,
    Dropout,
    Flatten,
    Fused,
    Linear,
    Mean,
    Op,
    Pad,
    Pool2d,
    Reshape,
    Resize,
    Slice,
    Softmax,
    Transpose,
)


def evaluate(
    model: Model, *inputs: Tensor, dtype: torch.dtype = torch.float64
) -> tuple[Tensor, ...]:
    """What the model returns, worked out in `dtype`."""
    graph = model.graph
    assert len(inputs) == len(graph.inputs)
    values = {name: x.to(dtype) for name, x in zip(graph.inputs, inputs, strict=True)}
    for name in graph.inputs:
        assert tuple(values[name].shape) == graph.shapes[name]
    for node in graph.nodes:
        y = _run(node, model, tuple(values[name] for name in node.inputs), dtype)
        assert tuple(y.shape) == graph.shapes[node.output], node
        assert y.dtype == dtype
        values[node.output] = y
    return tuple(values[name] for name in graph.outputs)


def _run(node: Node, model: Model, xs: tuple[Tensor, ...], dtype: torch.dtype) -> Tensor:
    constants = tuple(
        torch.from_numpy(model.values[name].copy()).to(dtype) for name in node.constants
    )
    return apply(node.op, xs, constants)


def apply(op: Op, xs: tuple[Tensor, ...], constants: tuple[Tensor, ...] = ()) -> Tensor:
    """One operator on its inputs and constants."""
    match op:
        case Fused():
            y = apply(op.op, xs[:-1] if op.residual else xs, constants)
            y = y + xs[-1] if op.residual else y
            return y if op.activation is None else apply(op.activation, (y,))
        case Binary():
            (first, second) = xs if len(xs) == 2 else (xs[0], constants[0])
            return BINARY[op.kind](*((second, first) if op.constant_first else (first, second)))
        case Concat(operands=()):
            return torch.cat(xs, op.axis)
        case _ if len(xs) != 1 or isinstance(op, Concat):
            return apply_more(op, xs, constants)
    (x,) = xs
    match op:
        case Conv2d():
            weight, bias = constants if op.bias else (constants[0], None)
            return F.conv2d(x, weight, bias, op.stride, op.padding, op.dilation, op.groups)
        case Linear():
            weight, bias = constants if op.bias else (constants[0], None)
            return F.linear(x, weight, bias)
        case BatchNorm():
            weight, bias, mean, var = (c.view(-1, *[1] * (x.dim() - 2)) for c in constants)
            return (x - mean) / torch.sqrt(var + op.eps) * weight + bias
        case Activation(kind="prelu"):
            return F.prelu(x, constants[0])
        case Activation():
            return ACTIVATIONS[op.kind](x, *op.args)
        case Softmax():
            return x.log_softmax(op.axis) if op.log else x.softmax(op.axis)
        case Pool2d(kind="max"):
            return F.max_pool2d(x, op.kernel, op.stride, op.padding, op.dilation, op.ceil_mode)
        case Pool2d():
            return F.avg_pool2d(
                x, op.kernel, op.stride, op.padding, op.ceil_mode, op.count_include_pad
            )
        case AdaptivePool2d(kind="max"):
            return F.adaptive_max_pool2d(x, op.size)
        case AdaptivePool2d():
            return F.adaptive_avg_pool2d(x, op.size)
        case Mean():
            return x.mean(op.axes, op.keepdim)
        case Resize():
            return _resize(op, x)
        case Flatten():
            return x.flatten(op.start)
        case Reshape() | Copy():
            return x.reshape(op.out)
        case Transpose():
            return x.permute(op.axes)
        case Slice():
            return x.narrow(op.axis, op.start, op.stop - op.start).index_select(
                op.axis, torch.arange(0, op.stop - op.start, op.step)
            )
        case Pad():
            return F.pad(x, (op.left, op.right, op.top, op.bottom), value=op.value)
        case ChannelShuffle():
            n, c, *rest = x.shape
            groups = x.reshape(n, op.groups, c // op.groups, *rest)
            return groups.transpose(1, 2).reshape(x.shape)
        case Dropout():
            return x
        case _:
            return apply_more(op, xs, constants)


def _resize(op: Resize, x: Tensor) -> Tensor:
    """Pixel by pixel from the formula in `Resize`, coordinates in the type of x as in torch."""
    pixels = []
    for axis, (ratio, h_out) in enumerate(zip(op.ratios(tuple(x.shape)), op.size, strict=True)):
        h, i = x.shape[2 + axis], torch.arange(h_out, dtype=x.dtype)
        if op.mode == "bicubic":
            return (
                F.interpolate(x, op.size, op.scale, "bicubic", op.align_corners)
                if op.scale is None
                else F.interpolate(
                    x, None, op.scale, "bicubic", op.align_corners, recompute_scale_factor=False
                )
            )
        if op.mode == "nearest":
            low = (i * ratio).floor().long().clamp(max=h - 1)
            pixels.append((low, low, torch.zeros(h_out, dtype=x.dtype)))
            continue
        at = i * ratio if op.align_corners else ((i + 0.5) * ratio - 0.5).clamp(min=0)
        low = at.floor().long().clamp(max=h - 1)
        pixels.append((low, (low + 1).clamp(max=h - 1), at - low))
    (top, bottom, down), (left, right, across) = pixels
    down = down[:, None]
    rows = x[:, :, top] * (1 - down) + x[:, :, bottom] * down
    return rows[..., left] * (1 - across) + rows[..., right] * across


ACTIVATIONS: dict[str, Callable[..., Tensor]] = {
    "relu": F.relu,
    "relu6": F.relu6,
    "leaky_relu": F.leaky_relu,
    "elu": F.elu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "silu": F.silu,
    "hardswish": lambda x: x * F.relu6(x + 3) / 6,
    "hardsigmoid": lambda x: F.relu6(x + 3) / 6,
    "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "mish": F.mish,
    "softplus": F.softplus,
    "clamp": torch.clamp,
    "neg": torch.neg,
    "abs": torch.abs,
    "exp": torch.exp,
    "log": torch.log,
    "sqrt": torch.sqrt,
    "rsqrt": torch.rsqrt,
    "reciprocal": torch.reciprocal,
    "square": torch.square,
    "erf": torch.erf,
    "sin": torch.sin,
    "cos": torch.cos,
    "floor": torch.floor,
    "ceil": torch.ceil,
    "round": torch.round,
    "sign": torch.sign,
    "log1p": torch.log1p,
    "expm1": torch.expm1,
    "log_sigmoid": F.logsigmoid,
    "selu": F.selu,
    "celu": F.celu,
    "hardshrink": F.hardshrink,
    "softshrink": F.softshrink,
    "add_constant": lambda x, v: x + v,
    "sub_constant": lambda x, v: x - v,
    "rsub_constant": lambda x, v: v - x,
    "mul_constant": lambda x, v: x * v,
    "div_constant": lambda x, v: x / v,
    "pow_constant": lambda x, v: x**v,
}
BINARY: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "div": torch.div,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
}
