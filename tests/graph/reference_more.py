"""The reference for operators that no kernel computes; `tests.graph.reference` has the others.

Plain: from the docstring of the operator where torch has no function of quite that meaning.
"""

from collections.abc import Callable
from itertools import product
from math import prod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lithe.graph.ops import (
    AddProduct,
    Attention,
    Concat,
    ConvNd,
    ConvTransposed,
    Einsum,
    Expand,
    Flip,
    GroupNorm,
    LayerNorm,
    LocalResponseNorm,
    MatMul,
    Op,
    PadAxes,
    Pool3d,
    Reduce,
    RmsNorm,
    Roll,
    Take,
    Windows,
)

Tensors = tuple[Tensor, ...]
CONVOLUTIONS: dict[int, Callable[..., Tensor]] = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


def apply_more(op: Op, xs: Tensors, constants: Tensors) -> Tensor:
    """One operator on its inputs and constants."""
    if isinstance(op, MatMul | Attention | Einsum | AddProduct | Concat):
        return _of_operands(op, _operands(op.operands, xs, constants))
    x = xs[0]
    match op:
        case ConvNd():
            weight, *bias = xs[1:] if op.dynamic else constants
            conv = CONVOLUTIONS[len(op.kernel)]
            added = bias[0] if bias else None
            return conv(x, weight, added, op.stride, op.padding, op.dilation, op.groups)
        case ConvTransposed():
            return _transposed(op, x, constants)
        case LayerNorm():
            axes = tuple(range(-len(op.over), 0))
            y = (x - x.mean(axes, keepdim=True)) / _root(x, axes, op.eps)
            return _scaled(y, constants, op.weight, op.bias)
        case GroupNorm():
            n, c = x.shape[:2]
            groups = x.reshape(n, op.groups, -1)
            y = (groups - groups.mean(2, keepdim=True)) / _root(groups, (2,), op.eps)
            shape = (c, *[1] * (x.dim() - 2))
            arrays = tuple(each.reshape(shape) for each in constants)
            return _scaled(y.reshape(x.shape), arrays, op.weight, op.bias)
        case RmsNorm():
            axes = tuple(range(-len(op.over), 0))
            y = x / torch.sqrt((x * x).mean(axes, keepdim=True) + op.eps)
            return _scaled(y, constants, op.weight, False)
        case LocalResponseNorm():
            return _responses(op, x)
        case Pool3d(kind="max"):
            return F.max_pool3d(x, op.kernel, op.stride, op.padding, op.dilation, op.ceil_mode)
        case Pool3d():
            return F.avg_pool3d(
                x, op.kernel, op.stride, op.padding, op.ceil_mode, op.count_include_pad
            )
        case Reduce():
            return _reduced(op, x)
        case Expand():
            return x.expand(op.out)
        case Windows():
            count = op.shape(tuple(x.shape))[op.axis]
            taps = torch.arange(op.size) * op.dilation
            index = torch.arange(count)[:, None] * op.step + taps
            windows = x.index_select(op.axis, index.reshape(-1))
            shape = (*x.shape[: op.axis], *index.shape, *x.shape[op.axis + 1 :])
            return windows.reshape(shape).movedim(op.axis + 1, -1)
        case Roll():
            for shift, axis in zip(op.shifts, op.axes, strict=True):
                index = (torch.arange(x.shape[axis]) - shift) % x.shape[axis]
                x = x.index_select(axis, index)
            return x
        case Flip():
            for axis in op.axes:
                x = x.index_select(axis, torch.arange(x.shape[axis] - 1, -1, -1))
            return x
        case PadAxes():
            return _padded(op, x)
        case Take():
            index = constants[0].long() % x.shape[op.axis]
            taken = x.index_select(op.axis, index.reshape(-1))
            return taken.reshape(op.shape(tuple(x.shape)))
        case _:
            raise NotImplementedError(op)


def _operands(shapes: tuple[object, ...], xs: Tensors, constants: Tensors) -> Tensors:
    inputs, arrays = list(xs), list(constants)
    if not shapes:
        return xs
    return tuple((inputs if shape is None else arrays).pop(0) for shape in shapes)


def _of_operands(op: MatMul | Attention | Einsum | AddProduct | Concat, given: Tensors) -> Tensor:
    match op:
        case MatMul():
            return given[0] @ given[1]
        case Einsum():
            product: Tensor = torch.einsum(op.equation, *given)
            return product
        case AddProduct():
            return given[0] + op.value * given[1] * given[2]
        case Concat():
            return torch.cat(given, op.axis)
    q, k, v, *mask = given
    if op.grouped:
        k, v = (each.repeat_interleave(q.shape[-3] // each.shape[-3], -3) for each in (k, v))
    scores = q @ k.transpose(-1, -2) * (q.shape[-1] ** -0.5 if op.scale is None else op.scale)
    if mask:
        # A mask of booleans comes as the numbers 0 and 1 only from a constant.
        is_boolean = mask[0].dtype == torch.bool
        scores = scores.masked_fill(~mask[0], -torch.inf) if is_boolean else scores + mask[0]
    if op.causal:
        later = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
        scores = scores.masked_fill(later, -torch.inf)
    return scores.softmax(-1) @ v


def _transposed(op: ConvTransposed, x: Tensor, constants: Tensors) -> Tensor:
    """Each input pixel adds its value times a filter to the output."""
    weight, *bias = constants
    shape = op.shape(tuple(x.shape))
    y = torch.zeros(shape, dtype=x.dtype)
    each = x.shape[1] // op.groups
    for pixel in _indices(x.shape[2:]):
        for tap in _indices(op.kernel):
            numbers = zip(pixel, op.stride, tap, op.dilation, op.padding, strict=True)
            at = tuple(i * s + t * d - p for i, s, t, d, p in numbers)
            if not all(0 <= place < size for place, size in zip(at, shape[2:], strict=True)):
                continue
            read: Any = (..., *pixel)
            used: Any = (..., *tap)
            written: Any = (..., *at)
            values = x[read].reshape(shape[0], op.groups, each)
            filters = weight[used].reshape(op.groups, each, -1)
            y[written] += torch.einsum("ngi,gio->ngo", values, filters).flatten(1)
    return y + bias[0].reshape(-1, *[1] * len(op.kernel)) if bias else y


def _indices(sizes: tuple[int, ...]) -> list[tuple[int, ...]]:
    return list(product(*map(range, sizes)))


def _root(x: Tensor, axes: tuple[int, ...], eps: float) -> Tensor:
    return torch.sqrt(x.var(axes, correction=0, keepdim=True) + eps)


def _scaled(y: Tensor, constants: Tensors, weight: bool, bias: bool) -> Tensor:
    left = list(constants)
    y = y * left.pop(0) if weight else y
    return y + left.pop(0) if bias else y


def _responses(op: LocalResponseNorm, x: Tensor) -> Tensor:
    c, result = x.shape[1], torch.empty_like(x)
    for i in range(c):
        low, high = max(i - (op.size - 1) // 2, 0), min(i + op.size // 2, c - 1)
        sums = (x[:, low : high + 1] ** 2).sum(1)
        result[:, i] = x[:, i] / (op.k + op.alpha / op.size * sums) ** op.beta
    return result


def _reduced(op: Reduce, x: Tensor) -> Tensor:
    axes = op.axes
    kept = [axis for axis in range(x.dim()) if axis not in axes]
    count = prod(x.shape[axis] for axis in axes)
    rows = x.permute(*kept, *axes).reshape(*[x.shape[axis] for axis in kept], count)
    y = REDUCED[op.kind](rows, op.correction)
    for axis in sorted(axes) if op.keepdim else ():
        y = y.unsqueeze(axis)
    return y


def _variance(x: Tensor, correction: float) -> Tensor:
    return ((x - x.mean(-1, keepdim=True)) ** 2).sum(-1) / (x.shape[-1] - correction)


REDUCED: dict[str, Callable[[Tensor, float], Tensor]] = {
    "sum": lambda x, _: x.sum(-1),
    "max": lambda x, _: x.max(-1)[0],
    "min": lambda x, _: x.min(-1)[0],
    "prod": lambda x, _: x.prod(-1),
    "l1": lambda x, _: x.abs().sum(-1),
    "l2": lambda x, _: x.square().sum(-1).sqrt(),
    "var": _variance,
    "std": lambda x, correction: _variance(x, correction).sqrt(),
}


def _padded(op: PadAxes, x: Tensor) -> Tensor:
    for axis, (before, after) in enumerate(zip(op.before, op.after, strict=True)):
        size = x.shape[axis]
        at = torch.arange(-before, size + after)
        if op.mode == "constant":
            filled = x.index_select(axis, at.clamp(0, size - 1))
            outside = (at < 0) | (at >= size)
            x = filled.index_fill(axis, outside.nonzero().reshape(-1), op.value)
            continue
        index = {
            "reflect": (size - 1 - (size - 1 - at.abs()).abs()),
            "replicate": at.clamp(0, size - 1),
            "circular": at % size,
        }[op.mode]
        x = x.index_select(axis, index)
    return x
