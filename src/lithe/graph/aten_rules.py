"""torch's operators in our words: a rule per name in `RULES`.

Adding an operator is one dataclass in `lithe.graph.ops` and one line in `RULES` here.
"""

from collections.abc import Callable
from itertools import product

import torch
from torch.fx import Node as FxNode

from lithe.graph.fx import Arguments, seen_shape
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
    between,
)

Rule = Callable[[Arguments], Op | tuple[Op, ...]]


def _conv2d(a: Arguments) -> Op | tuple[Op, ...]:
    c_out, c_group, h, w = a.shape("weight")
    kernel, dilation, padding = (h, w), a.pair("dilation"), a["padding"]
    frame: tuple[Op, ...] = ()
    if isinstance(padding, str):
        span_h, span_w = (d * (k - 1) for k, d in zip(kernel, dilation, strict=True))
        if padding != "same":
            padding = (0, 0)
        elif span_h % 2 or span_w % 2:
            # One side is padded more than the other, which no pair can say.
            top, left, padding = span_h // 2, span_w // 2, (0, 0)
            frame = (Pad(left, span_w - left, top, span_h - top),)
        else:
            padding = (span_h // 2, span_w // 2)
    else:
        padding = a.pair("padding")
    groups = a["groups"]
    bias = a["bias"] is not None
    conv = Conv2d(
        c_group * groups, c_out, kernel, a.pair("stride"), padding, dilation, groups, bias
    )
    return (*frame, conv)


def _linear(a: Arguments) -> Op:
    c_out, c_in = a.shape("weight")
    return Linear(c_in, c_out, a["bias"] is not None)


def _batch_norm(a: Arguments) -> Op:
    if a["running_mean"] is None or a["running_var"] is None:
        return a.unknown("without statistics")
    return BatchNorm(a.shape("input")[1], a["eps"])


def _batch_norm_or_training(a: Arguments) -> Op:
    return a.unknown("with the batch's own statistics") if a["training"] else _batch_norm(a)


def _dropout(a: Arguments) -> Op:
    return a.unknown("while training") if a["train"] else Dropout()


def _pool(kind: str) -> Rule:
    def rule(a: Arguments) -> Op:
        kernel = a.pair("kernel_size")
        stride, padding, ceil = a.pair("stride", kernel), a.pair("padding"), a["ceil_mode"]
        if kind == "max":
            return Pool2d(kind, kernel, stride, padding, a.pair("dilation"), ceil)
        if a["divisor_override"] is not None:
            return a.unknown("with a divisor of its own")
        return Pool2d(kind, kernel, stride, padding, (1, 1), ceil, a["count_include_pad"])

    return rule


def _adaptive(kind: str) -> Rule:
    return lambda a: AdaptivePool2d(kind, a.pair("output_size"))


def _flatten(a: Arguments) -> Op:
    rank = len(a.shape("self"))
    if a["end_dim"] not in (-1, rank - 1):
        return Reshape(seen_shape(a.node))
    return Flatten(a["start_dim"] % rank)


def _binary(kind: str) -> Rule:
    def rule(a: Arguments) -> Op:
        other = a["other"]
        alpha = a["alpha"] if kind in ("add", "sub") else 1
        if not isinstance(other, FxNode):
            # With a plain number there is one tensor: no more than an activation.
            return Activation(f"{kind}_constant", (float(alpha * other),))
        if alpha != 1:
            return a.unknown(f"with alpha={alpha}")
        return Binary(kind)

    return rule


def _activation(kind: str, *numbers: str) -> Rule:
    return lambda a: Activation(kind, tuple(float(a[name]) for name in numbers))


def _elu(a: Arguments) -> Op:
    if (a["scale"], a["input_scale"]) != (1, 1):
        return a.unknown("with a scale")
    return Activation("elu", (float(a["alpha"]),))


def _gelu(a: Arguments) -> Op:
    return Activation("gelu_tanh" if a["approximate"] == "tanh" else "gelu")


def _power(a: Arguments) -> Op:
    exponent = float(a["exponent"])
    return Activation("square") if exponent == 2 else Activation("pow_constant", (exponent,))


def _reversed_sub(a: Arguments) -> Op:
    if a["alpha"] != 1:
        return a.unknown(f"with alpha={a['alpha']}")
    return Activation("rsub_constant", (float(a["other"]),))


def _softmax(a: Arguments) -> Op:
    return Softmax(a["dim"] % len(a.shape("self")))


def _mean(a: Arguments) -> Op:
    rank = len(a.shape("self"))
    axes = tuple(sorted(axis % rank for axis in a["dim"] or range(rank)))
    if a["keepdim"] and rank == 4 and axes == (2, 3):
        return AdaptivePool2d()
    return Mean(axes, a["keepdim"])


def _pad(a: Arguments) -> Op:
    sizes = [*a["pad"], 0, 0, 0, 0][:4]
    if str(a.node.target) == "aten.pad.default" and a["mode"] != "constant":
        return a.unknown(f"with mode='{a['mode']}'")
    if len(a["pad"]) > 4 or any(type(size) is not int or size < 0 for size in sizes):
        return a.unknown(f"by {tuple(a['pad'])}")
    left, right, top, bottom = sizes
    return Pad(left, right, top, bottom, float(a["value"] or 0))


def _resize(mode: str) -> Rule:
    def rule(a: Arguments) -> Op:
        h, w = seen_shape(a.node)[2:]
        align = bool(a["align_corners"]) if mode == "bilinear" else False
        factors = a["scale_factors"]
        scale = (float(factors[0]), float(factors[1])) if factors else None
        return Resize((h, w), mode, align, None if align else scale)

    return rule


def _slice(a: Arguments) -> Op:
    shape = a.shape("self")
    axis = a["dim"] % len(shape)
    start, stop, step = slice(a["start"], a["end"], a["step"]).indices(shape[axis])
    return Slice(axis, start, max(start, stop), step)


def _narrow(a: Arguments) -> Op:
    shape = a.shape("self")
    axis = a["dim"] % len(shape)
    start = a["start"] % shape[axis]
    return Slice(axis, start, start + a["length"])


def _select(a: Arguments) -> tuple[Op, ...]:
    shape = a.shape("self")
    axis = a["dim"] % len(shape)
    index = a["index"] % shape[axis]
    return Slice(axis, index, index + 1), Reshape(seen_shape(a.node))


def _transpose(a: Arguments) -> Op:
    # Axes of different sizes tell where each one went, whatever this call names them by.
    axes = torch.empty([2 + axis for axis in range(len(a.shape("self")))], device="meta")
    moved = a.node.target(axes, *a.node.args[1:], **a.node.kwargs)  # type: ignore[operator]
    return Transpose(tuple(size - 2 for size in moved.shape))


def _copy(a: Arguments) -> Op:
    return Copy(seen_shape(a.node))


def _reshape(a: Arguments) -> Op:
    # torch copies only where the bytes are in another order than the new shape needs.
    shape = seen_shape(a.node)
    return Reshape(shape) if a["self"].meta["val"].is_contiguous() else Copy(shape)


def _same(a: Arguments) -> Op:
    return Reshape(seen_shape(a.node))


# Element by element on one tensor, without numbers; no MACs.
PLAIN = (
    "relu", "relu6", "sigmoid", "tanh", "silu", "hardswish", "hardsigmoid", "mish",
    "neg", "abs", "exp", "log", "sqrt", "rsqrt", "reciprocal", "square",
)  # fmt: skip
# Another shape, or none, for the same bytes; `expand` only where it repeats nothing.
RESHAPES = (
    "view.default", "_unsafe_view.default", "unflatten.int", "squeeze.default", "squeeze.dim",
    "squeeze.dims", "unsqueeze.default", "alias.default", "detach.default", "detach_.default",
    "to.dtype", "to.dtype_layout", "to.device", "expand.default", "expand_as.default",
)  # fmt: skip
TRANSPOSES = (
    "permute.default", "transpose.int", "t.default", "mT.default", "swapaxes.default",
    "movedim.int", "movedim.intlist",
)  # fmt: skip
# Calls that return a list of views of their input.
SPLITS = frozenset({
    "aten.chunk.default",
    "aten.split.Tensor",
    "aten.split.sizes",
    "aten.split_with_sizes.default",
    "aten.tensor_split.sections",
    "aten.unbind.int",
})  # fmt: skip
# Calls with outputs that an inference rarely reads beside the first one.
FIRST = frozenset({
    "aten.adaptive_max_pool2d.default",
    "aten._native_batch_norm_legit_no_training.default",
})  # fmt: skip

# Of calls that also come with a trailing underscore the plain name is enough.
RULES: dict[str, Rule] = {
    "aten.conv2d.default": _conv2d,
    "aten.conv2d.padding": _conv2d,
    "aten.linear.default": _linear,
    "aten.batch_norm.default": _batch_norm_or_training,
    "aten._native_batch_norm_legit_no_training.default": _batch_norm,
    **{f"aten.{n}.default": _activation(n) for n in PLAIN},
    "aten.leaky_relu.default": _activation("leaky_relu", "negative_slope"),
    "aten.elu.default": _elu,
    "aten.gelu.default": _gelu,
    "aten.softplus.default": _activation("softplus", "beta", "threshold"),
    "aten.prelu.default": _activation("prelu"),
    "aten.hardtanh.default": lambda a: between(a["min_val"], a["max_val"]),
    "aten.clamp.default": lambda a: between(a["min"], a["max"]),
    "aten.clamp_min.default": lambda a: between(a["min"], None),
    "aten.clamp_max.default": lambda a: between(None, a["max"]),
    **{
        f"aten.{n}.{kind}": _binary(n)
        for n, kind in product(("add", "sub", "mul", "div"), ("Tensor", "Scalar"))
    },
    "aten.maximum.default": _binary("maximum"),
    "aten.minimum.default": _binary("minimum"),
    "aten.rsub.Scalar": _reversed_sub,
    "aten.pow.Tensor_Scalar": _power,
    "aten.softmax.int": _softmax,
    "aten._softmax.default": _softmax,
    "aten.cat.default": lambda a: Concat(a["dim"] % len(seen_shape(a.node))),
    "aten.max_pool2d.default": _pool("max"),
    "aten.avg_pool2d.default": _pool("avg"),
    "aten.adaptive_avg_pool2d.default": _adaptive("avg"),
    "aten.adaptive_max_pool2d.default": _adaptive("max"),
    "aten.mean.dim": _mean,
    "aten.mean.default": lambda a: Mean(tuple(range(len(a.shape("self"))))),
    "aten.upsample_nearest2d.vec": _resize("nearest"),
    "aten.upsample_bilinear2d.vec": _resize("bilinear"),
    "aten.pad.default": _pad,
    "aten.constant_pad_nd.default": _pad,
    "aten.channel_shuffle.default": lambda a: ChannelShuffle(a["groups"]),
    "aten.native_channel_shuffle.default": lambda a: ChannelShuffle(a["groups"]),
    "aten.flatten.using_ints": _flatten,
    "aten.dropout.default": _dropout,
    "aten.contiguous.default": _copy,
    "aten.clone.default": _copy,
    "aten.reshape.default": _reshape,
    "aten.slice.Tensor": _slice,
    "aten.narrow.default": _narrow,
    "aten.select.int": _select,
    **{f"aten.{target}": _transpose for target in TRANSPOSES},
    **{f"aten.{target}": _same for target in RESHAPES},
}  # fmt: skip
