"""ONNX's operators in our words: layers with weights, windows and images.

Others: `rules_plain`, `rules_layers`.

A rule that meets a form of its operator that we have no words for raises
`NotUnderstoodError`; one that meets nonsense raises `LitheError`.
"""

from collections.abc import Callable
from math import inf

import numpy as np

from lithe.errors import LitheError
from lithe.graph.model import Array
from lithe.graph.onnx.call import Call, Chain, Constant, NotUnderstoodError, Tensor, axis_in
from lithe.graph.onnx.rules_layers import LAYER_RULES, conv_nd, matmul
from lithe.graph.onnx.rules_plain import PLAIN_RULES
from lithe.graph.ops import (
    AdaptivePool2d,
    BatchNorm,
    Conv2d,
    Linear,
    Mean,
    Op,
    Pad,
    Pair,
    Pool2d,
    Reduce,
    Resize,
    Shape,
)

Rule = Callable[[Call], Chain | tuple[Chain, ...]]


def _frame(call: Call, size: Shape, kernel: Pair, stride: Pair, dilation: Pair) -> tuple[int, ...]:
    """Padding (top, left, bottom, right) as `pads` or `auto_pad` say."""
    mode = call.attribute("auto_pad", "NOTSET")
    if mode == "NOTSET":
        return call.sizes("pads", 4, 0, least=-(2**31))
    if mode == "VALID":
        return 0, 0, 0, 0
    if mode not in ("SAME_UPPER", "SAME_LOWER"):
        raise LitheError(f"auto_pad is {mode}")
    before, after = [], []
    for h, k, s, d in zip(size, kernel, stride, dilation, strict=True):
        total = max(((h + s - 1) // s - 1) * s + d * (k - 1) + 1 - h, 0)
        small, large = total // 2, total - total // 2
        before.append(small if mode == "SAME_UPPER" else large)
        after.append(large if mode == "SAME_UPPER" else small)
    return before[0], before[1], after[0], after[1]


def _pair(call: Call, name: str) -> Pair:
    h, w = call.sizes(name, 2, 1)
    return h, w


def _conv(call: Call) -> Chain:
    if len(call.tensor().shape) in (3, 5):
        return conv_nd(call)
    x, weight = call.image(), call.constant(1)
    if weight.array.ndim != 4:
        raise LitheError(f"weight {weight.name} is of shape {weight.array.shape}")
    c_out, c_group, *kernel = weight.array.shape
    if list(kernel) != list(call.attribute("kernel_shape", list(kernel))):
        raise LitheError(f"kernel_shape is {call.attribute('kernel_shape')} and not {kernel}")
    size = kernel[0], kernel[1]
    stride, dilation = _pair(call, "strides"), _pair(call, "dilations")
    groups = call.attribute("group", 1)
    if groups < 1 or min(weight.array.shape) < 1:
        raise LitheError(f"group is {groups}, the weight of shape {weight.array.shape}")
    top, left, bottom, right = _frame(call, x.shape[2:], size, stride, dilation)
    if min(top, left, bottom, right) < 0:
        raise NotUnderstoodError("with negative padding")
    constants = _with_bias(call, weight, 2, c_out)
    even = (top, left) == (bottom, right)
    frame: tuple[Op, ...] = () if even else (Pad(left, right, top, bottom),)
    padding = (top, left) if even else (0, 0)
    bias = len(constants) == 2
    op = Conv2d(c_group * groups, c_out, size, stride, padding, dilation, groups, bias)
    return Chain((*frame, op), constants, params=len(constants))


def _with_bias(call: Call, weight: Constant, index: int, c_out: int) -> tuple[Constant, ...]:
    if call.value(index) is None:
        return (weight,)
    bias = call.constant(index)
    if bias.array.shape != (c_out,):
        raise LitheError(f"bias {bias.name} is of shape {bias.array.shape}, not ({c_out},)")
    return weight, bias


def _gemm(call: Call) -> Chain:
    x, given = call.tensor(), call.constant(1)
    if len(x.shape) != 2 or given.array.ndim != 2:
        raise LitheError(f"a Gemm of {x.shape} and {given.array.shape}")
    if call.attribute("transA", 0):
        raise NotUnderstoodError("with transA")
    alpha, beta = call.attribute("alpha", 1.0), call.attribute("beta", 1.0)
    weight = given
    if not call.attribute("transB", 0) or alpha != 1:
        array = given.array if call.attribute("transB", 0) else given.array.T
        weight = call.derived((array * array.dtype.type(alpha)).astype(array.dtype), "weight")
    c_out, c_in = weight.array.shape
    if call.value(2) is None or beta == 0:
        return Chain((Linear(c_in, c_out, bias=False),), (weight,), params=1)
    bias = call.constant(2)
    if bias.array.shape != (c_out,) or beta != 1:
        # One row for all images, however it is written.
        wide = np.broadcast_to(bias.array * bias.array.dtype.type(beta), (1, c_out))[0]
        bias = call.derived(wide.astype(bias.array.dtype), "bias")
    return Chain((Linear(c_in, c_out),), (weight, bias), params=2)


def _matmul(call: Call) -> Chain:
    x, given = call.value(0), call.value(1)
    if not isinstance(x, Tensor) or not isinstance(given, Constant) or given.array.ndim != 2:
        return matmul(call)
    c_in, c_out = given.array.shape
    weight = call.derived(given.array.T, "weight")
    return Chain((Linear(c_in, c_out, bias=False),), (weight,), params=1)


def _batch_norm(call: Call) -> Chain:
    call.tensor()
    if call.attribute("training_mode", 0) or not call.attribute("spatial", 1):
        raise NotUnderstoodError("with the batch's own statistics")
    constants = tuple(call.constant(index) for index in (1, 2, 3, 4))
    shapes = {constant.array.shape for constant in constants}
    if len(shapes) != 1 or constants[0].array.ndim != 1:
        raise LitheError(f"weight, bias, mean and variance are of shapes {shapes}")
    op = BatchNorm(constants[0].array.size, call.attribute("epsilon", 1e-5))
    return Chain((op,), constants, params=2)


def _pool(kind: str) -> Rule:
    def rule(call: Call) -> Chain:
        x = call.image()
        if len([name for name in call.node.outputs if name]) > 1:
            raise NotUnderstoodError("with the places of the maxima")
        kernel, stride = _pair(call, "kernel_shape"), _pair(call, "strides")
        dilation = _pair(call, "dilations")
        if kind == "avg" and dilation != (1, 1):
            raise NotUnderstoodError("with dilation")
        ceil = bool(call.attribute("ceil_mode", 0))
        frame = _frame(call, x.shape[2:], kernel, stride, dilation)
        top, left, bottom, right = frame
        if min(frame) < 0:
            raise NotUnderstoodError("with negative padding")
        inside = kind == "max" or bool(call.attribute("count_include_pad", 0)) or not any(frame)
        plain = Pool2d(kind, kernel, stride, (top, left), dilation, ceil, inside)
        if (top, left) == (bottom, right) and 2 * top <= kernel[0] and 2 * left <= kernel[1]:
            return Chain((plain,))
        if not inside:
            raise NotUnderstoodError("with uneven padding that is not counted")
        if kind == "avg" and ceil:
            raise NotUnderstoodError("with uneven padding and ceil_mode")
        around = Pad(left, right, top, bottom, -inf if kind == "max" else 0.0)
        return Chain((around, Pool2d(kind, kernel, stride, (0, 0), dilation, ceil)))

    return rule


def _global_pool(kind: str) -> Rule:
    def rule(call: Call) -> Chain:
        rank = len(call.tensor().shape)
        if rank == 4:
            return Chain((AdaptivePool2d(kind),))
        axes = tuple(range(2, rank))
        return Chain((Mean(axes, True) if kind == "avg" else Reduce(kind, axes, True),))

    return rule


def _mean(call: Call) -> Chain:
    x, axes = call.tensor(), call.integers(1, "axes")
    rank = len(x.shape)
    if not axes and call.attribute("noop_with_empty_axes", 0):
        raise NotUnderstoodError("over no axis")
    over = tuple(sorted({axis_in(axis, rank) for axis in axes or range(rank)}))
    keep = bool(call.attribute("keepdims", 1))
    return Chain((AdaptivePool2d() if keep and (rank, over) == (4, (2, 3)) else Mean(over, keep),))


def _resize(call: Call) -> Chain:
    x = call.image()
    size, scale = _resized(call, x.shape)
    mode = call.attribute("mode", "nearest")
    at = call.attribute("coordinate_transformation_mode", "half_pixel")
    if call.node.kind == "Upsample" or call.opset < 11:
        at = "asymmetric"
    for name, only in (("antialias", 0), ("keep_aspect_ratio_policy", "stretch")):
        if call.attribute(name, only) != only:
            raise NotUnderstoodError(f"with {name}")
    whole = all(h_out % h == 0 for h_out, h in zip(size, x.shape[2:], strict=True))
    if mode == "nearest":
        rounding = call.attribute("nearest_mode", "round_prefer_floor")
        if call.node.kind == "Upsample" or call.opset < 11:
            rounding = "floor"
        # By whole factors, a pixel's centre lies within the pixel it is made of.
        centred = at in ("half_pixel", "pytorch_half_pixel") and "round" in rounding and whole
        if not centred and (at, rounding) != ("asymmetric", "floor"):
            raise NotUnderstoodError(f"to the nearest pixel by {at} and {rounding}")
        return Chain((Resize(size, "nearest", scale=None if centred else scale),))
    same = at == "half_pixel" or (at == "pytorch_half_pixel" and min(size) > 1)
    if mode != "linear" or not (same or at == "align_corners"):
        raise NotUnderstoodError(f"with mode {mode} by {at}")
    if at == "align_corners":
        return Chain((Resize(size, "bilinear", align_corners=True),))
    return Chain((Resize(size, "bilinear", scale=scale),))


def _resized(call: Call, shape: Shape) -> tuple[Pair, tuple[float, float] | None]:
    """The new height and width, and the factors where the file gives those."""
    old = call.node.kind == "Upsample" or call.opset < 11
    if call.attribute("axes") is not None:
        raise NotUnderstoodError("with axes")
    factors = call.value(1 if old else 2)
    if factors is None and call.attribute("scales") is not None:
        factors = Constant("scales", np.asarray(call.attribute("scales"), np.float32))
    if factors is not None and not isinstance(factors, Constant):
        raise NotUnderstoodError("by factors that depend on the input")
    if factors is not None and factors.array.size:
        numbers = [float(number) for number in _four(factors.array)]
        if numbers[:2] != [1, 1]:
            raise NotUnderstoodError("of images or channels")
        # 2**20 is far beyond any image, and keeps what is not a number out.
        if not all(0 < number < 2**20 for number in numbers):
            raise LitheError(f"scales are {numbers}")
        h, w = (int(n * number) for n, number in zip(shape[2:], numbers[2:], strict=True))
        scale = numbers[2], numbers[3]
    else:
        n, c, h, w = (int(number) for number in _four(call.constant(3).array))
        if (n, c) != shape[:2]:
            raise NotUnderstoodError("of images or channels")
        scale = None
    if min(h, w) < 1:
        raise LitheError(f"an image is resized to {h} x {w}")
    return (h, w), scale


def _four(array: Array) -> Array:
    if array.shape != (4,):
        raise LitheError(f"an image is resized by {array.shape} numbers, not four")
    return array


def _pad(call: Call) -> Chain:
    call.image()
    if call.attribute("mode", "constant") != "constant":
        raise NotUnderstoodError(f"with mode {call.attribute('mode')}")
    pads = call.integers(1, "paddings" if call.opset < 2 else "pads")
    axes = [0, 1, 2, 3] if call.value(3) is None else call.integers(3, "axes") or []
    if pads is None or len(pads) != 2 * len(axes):
        raise LitheError(f"padding is {pads} for axes {axes}")
    before, after = [0] * 4, [0] * 4
    for i, axis in enumerate(axes):
        before[axis_in(axis, 4)], after[axis_in(axis, 4)] = pads[i], pads[i + len(axes)]
    if any((*before[:2], *after[:2])) or min(*before, *after) < 0:
        raise NotUnderstoodError(f"by {pads}")
    value = call.attribute("value", 0.0)
    if call.value(2) is not None:
        given = call.constant(2).array
        if given.size != 1:
            raise LitheError(f"padding with {given.size} values")
        value = float(given.reshape(-1)[0])
    return Chain((Pad(before[3], after[3], before[2], after[2], value),))


RULES: dict[str, Rule] = {
    **PLAIN_RULES,
    **LAYER_RULES,
    "Conv": _conv,
    "Gemm": _gemm,
    "MatMul": _matmul,
    "BatchNormalization": _batch_norm,
    "MaxPool": _pool("max"),
    "AveragePool": _pool("avg"),
    "GlobalAveragePool": _global_pool("avg"),
    "GlobalMaxPool": _global_pool("max"),
    "ReduceMean": _mean,
    "Resize": _resize,
    "Upsample": _resize,
    "Pad": _pad,
}
