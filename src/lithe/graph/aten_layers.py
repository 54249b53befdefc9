"""torch's convolutions, norms and products in our words: a rule per name in `LAYER_RULES`."""

from collections.abc import Callable

import torch
from torch.fx import Node as FxNode

from lithe.graph.fx import Arguments, seen_shape
from lithe.graph.ops import (
    AddProduct,
    Attention,
    BatchNorm,
    Conv2d,
    ConvNd,
    ConvTransposed,
    Einsum,
    GroupNorm,
    LayerNorm,
    Linear,
    MatMul,
    Op,
    Pad,
    PadAxes,
    RmsNorm,
)

Rule = Callable[[Arguments], Op | tuple[Op, ...]]


def _convolution(a: Arguments) -> Op | tuple[Op, ...]:
    c_out, c_group, *kernel = a.shape("weight")
    axes = len(kernel)
    dilation, padding = a.sizes("dilation", axes), a["padding"]
    frame: tuple[Op, ...] = ()
    if isinstance(padding, str):
        spans = tuple(d * (k - 1) for k, d in zip(kernel, dilation, strict=True))
        before = tuple(span // 2 for span in spans)
        if padding != "same":
            padding = (0,) * axes
        elif any(span % 2 for span in spans):
            # One side is padded more than the other, which no size per axis can say.
            after = tuple(span - small for span, small in zip(spans, before, strict=True))
            frame, padding = (_frame(before, after),), (0,) * axes
        else:
            padding = before
    else:
        padding = a.sizes("padding", axes)
    groups, bias, stride = a["groups"], a["bias"] is not None, a.sizes("stride", axes)
    c_in, sizes = c_group * groups, tuple(kernel)
    if axes == 2 and not a.depends("weight"):
        k, s, p, d = ((each[0], each[1]) for each in (sizes, stride, padding, dilation))
        return (*frame, Conv2d(c_in, c_out, k, s, p, d, groups, bias))
    dynamic = a.depends("weight")
    if dynamic and frame:
        return a.unknown("with a weight of its own and uneven padding")
    return (
        *frame, ConvNd(c_in, c_out, sizes, stride, padding, dilation, groups, bias, dynamic)
    )  # fmt: skip


def _frame(before: tuple[int, ...], after: tuple[int, ...]) -> Op:
    if len(before) == 2:
        return Pad(before[1], after[1], before[0], after[0])
    return PadAxes((0, 0, *before), (0, 0, *after))


def _transposed(a: Arguments) -> Op:
    c_in, c_group, *kernel = a.shape("weight")
    stride, padding, dilation, more = (
        a.sizes(name, len(kernel)) for name in ("stride", "padding", "dilation", "output_padding")
    )
    c_out, bias, groups = c_group * a["groups"], a["bias"] is not None, a["groups"]
    return ConvTransposed(c_in, c_out, tuple(kernel), stride, padding, dilation, more, groups, bias)


def _linear(a: Arguments) -> Op:
    c_out, c_in = a.shape("weight")
    return Linear(c_in, c_out, a["bias"] is not None)


def _batch_norm(a: Arguments) -> Op:
    if a["running_mean"] is None or a["running_var"] is None:
        return a.unknown("without statistics")
    return BatchNorm(a.shape("input")[1], a["eps"])


def _batch_norm_or_training(a: Arguments) -> Op:
    return a.unknown("with the batch's own statistics") if a["training"] else _batch_norm(a)


def _instance_norm(a: Arguments) -> Op:
    if not a["use_input_stats"]:
        return _batch_norm(a)
    c = a.shape("input")[1]
    return GroupNorm(c, a["eps"], a["weight"] is not None, a["bias"] is not None)


def _group_norm(a: Arguments) -> Op:
    return GroupNorm(a["num_groups"], a["eps"], a["weight"] is not None, a["bias"] is not None)


def _layer_norm(a: Arguments) -> Op:
    over = tuple(a["normalized_shape"])
    return LayerNorm(over, a["eps"], a["weight"] is not None, a["bias"] is not None)


def _rms_norm(a: Arguments) -> Op:
    eps = torch.finfo(a["input"].meta["val"].dtype).eps if a["eps"] is None else a["eps"]
    return RmsNorm(tuple(a["normalized_shape"]), eps, a["weight"] is not None)


def _matmul(a: Arguments) -> Op:
    return MatMul(a.operands())


def _attention(a: Arguments) -> Op:
    if a["dropout_p"]:
        return a.unknown("with dropout")
    return Attention(a["scale"], a["is_causal"], a["enable_gqa"], a.operands())


def _einsum(a: Arguments) -> Op:
    terms, arrow, out = a["equation"].replace(" ", "").partition("->")
    if "." in terms:
        return a.unknown("with an ellipsis")
    if not arrow:
        # Letters that are there once, in the order of the alphabet.
        out = "".join(sorted(each for each in set(terms) - {","} if terms.count(each) == 1))
    return Einsum(f"{terms}->{out}", a.operands())


def _add_product(a: Arguments) -> Op:
    value = a["value"]
    if isinstance(value, FxNode):
        return a.unknown(f"with a value of shape {seen_shape(value)}")
    return AddProduct(float(value), a.operands())


LAYER_RULES: dict[str, Rule] = {
    **{
        f"aten.conv{axes}d.{form}": _convolution
        for axes in (1, 2, 3)
        for form in ("default", "padding")
    },
    "aten.conv_transpose1d.default": _transposed,
    "aten.conv_transpose2d.input": _transposed,
    "aten.conv_transpose3d.input": _transposed,
    "aten.linear.default": _linear,
    "aten.batch_norm.default": _batch_norm_or_training,
    "aten._native_batch_norm_legit_no_training.default": _batch_norm,
    "aten.instance_norm.default": _instance_norm,
    "aten.group_norm.default": _group_norm,
    "aten.layer_norm.default": _layer_norm,
    "aten.rms_norm.default": _rms_norm,
    "aten.matmul.default": _matmul,
    "aten.mm.default": _matmul,
    "aten.bmm.default": _matmul,
    "aten.scaled_dot_product_attention.default": _attention,
    "aten.einsum.default": _einsum,
    "aten.addcmul.default": _add_product,
}
