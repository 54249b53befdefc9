"""torch's operators in our words: a rule per name in `RULES`.

Adding an operator is one dataclass in `lithe.graph.ops` and one line in the table here, of
layers in `aten_layers`, or of what only moves elements in `aten_moving`.
"""

from collections.abc import Callable
from itertools import product

from torch.fx import Node as FxNode

from lithe.errors import LitheError
from lithe.graph.aten_layers import LAYER_RULES
from lithe.graph.aten_moving import MOVING_RULES
from lithe.graph.fx import Arguments, seen_shape
from lithe.graph.ops import (
    Activation,
    AdaptivePool2d,
    Binary,
    Mean,
    Op,
    Pool2d,
    Pool3d,
    Reduce,
    Reshape,
    Resize,
    Shape,
    Softmax,
    between,
)

Rule = Callable[[Arguments], Op | tuple[Op, ...]]


def _pool_1d(kind: str) -> Rule:
    """Along a line, which is an image of one row."""

    def rule(a: Arguments) -> Op | tuple[Op, ...]:
        n, c, length = _line(a)
        (kernel,) = a.sizes("kernel_size", 1)
        (stride,) = a.sizes("stride", 1) if a["stride"] else (kernel,)
        (padding,), ceil = a.sizes("padding", 1), a["ceil_mode"]
        (dilation,) = a.sizes("dilation", 1) if kind == "max" else (1,)
        inside = True if kind == "max" else a["count_include_pad"]
        pool = Pool2d(kind, (1, kernel), (1, stride), (0, padding), (1, dilation), ceil, inside)
        return Reshape((n, c, 1, length)), pool, Reshape(seen_shape(a.node))

    return rule


def _line(a: Arguments) -> Shape:
    shape = a.shape("self")
    if len(shape) not in (2, 3):
        raise LitheError(f"a pooling along a line was given {shape}")
    return shape if len(shape) == 3 else (1, *shape)


def _adaptive_1d(kind: str) -> Rule:
    def rule(a: Arguments) -> tuple[Op, ...]:
        n, c, length = _line(a)
        (out,) = a.sizes("output_size", 1)
        pool = AdaptivePool2d(kind, (1, out))
        return Reshape((n, c, 1, length)), pool, Reshape((*a.shape("self")[:-1], out))

    return rule


def _pool_3d(kind: str) -> Rule:
    def rule(a: Arguments) -> Op:
        kernel = a.sizes("kernel_size", 3)
        stride = a.sizes("stride", 3) if a["stride"] else kernel
        padding, ceil = a.sizes("padding", 3), a["ceil_mode"]
        if kind == "max":
            return Pool3d(kind, kernel, stride, padding, a.sizes("dilation", 3), ceil)
        if a["divisor_override"] is not None:
            return a.unknown("with a divisor of its own")
        return Pool3d(kind, kernel, stride, padding, (1, 1, 1), ceil, a["count_include_pad"])

    return rule


def _adaptive_3d(a: Arguments) -> Op:
    size, out = a.shape("self")[2:], a.sizes("output_size", 3)
    if len(size) != 3 or any(h % h_out for h, h_out in zip(size, out, strict=True)):
        return a.unknown(f"from {size} to {out}")  # windows of several sizes
    kernel = tuple(h // h_out for h, h_out in zip(size, out, strict=True))
    return Pool3d("avg", kernel, kernel)


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
    log = "log_softmax" in str(a.node.target)
    return Softmax(a["dim"] % len(a.shape("self")), log)


def _mean(a: Arguments) -> Op:
    rank = len(a.shape("self"))
    axes = tuple(sorted(axis % rank for axis in a["dim"] or range(rank)))
    if a["keepdim"] and rank == 4 and axes == (2, 3):
        return AdaptivePool2d()
    return Mean(axes, a["keepdim"])


def _reduce(kind: str) -> Rule:
    def rule(a: Arguments) -> Op:
        return Reduce(kind, _axes(a), a["keepdim"])

    return rule


def _reduce_all(kind: str) -> Rule:
    return lambda a: Reduce(kind, tuple(range(len(a.shape("self")))))


def _variance(kind: str) -> Rule:
    def rule(a: Arguments) -> Op:
        form = str(a.node.target).rpartition(".")[2]
        less = a["correction"] if form == "correction" else a["unbiased"]
        axes = tuple(range(len(a.shape("self")))) if form == "default" else _axes(a)
        keep = form != "default" and a["keepdim"]
        return Reduce(kind, axes, keep, 1.0 if less is None else float(less))

    return rule


def _vector_norm(a: Arguments) -> Op:
    kind = {1: "l1", 2: "l2"}.get(a["ord"])
    return Reduce(kind, _axes(a), a["keepdim"]) if kind else a.unknown(f"of order {a['ord']}")


def _axes(a: Arguments) -> tuple[int, ...]:
    rank, given = len(a.shape("self")), a["dim"]
    given = [given] if isinstance(given, int) else given
    return tuple(sorted({axis % rank for axis in given or range(rank)}))


def _resize(mode: str) -> Rule:
    def rule(a: Arguments) -> Op:
        h, w = seen_shape(a.node)[2:]
        align = bool(a["align_corners"]) if mode != "nearest" else False
        factors = a["scale_factors"]
        scale = (float(factors[0]), float(factors[1])) if factors else None
        return Resize((h, w), mode, align, None if align else scale)

    return rule


# Element by element on one tensor, without numbers; no MACs.
PLAIN = (
    "relu", "relu6", "sigmoid", "tanh", "silu", "hardswish", "hardsigmoid", "mish",
    "neg", "abs", "exp", "log", "sqrt", "rsqrt", "reciprocal", "square", "erf", "sin", "cos",
    "floor", "ceil", "round", "sign", "log1p", "expm1", "log_sigmoid", "selu",
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
    "aten.adaptive_max_pool1d.default",
    "aten.adaptive_max_pool2d.default",
    "aten.max.dim",
    "aten.min.dim",
    "aten._native_batch_norm_legit_no_training.default",
})  # fmt: skip

# Of calls that also come with a trailing underscore the plain name is enough.
RULES: dict[str, Rule] = {
    **LAYER_RULES,
    **MOVING_RULES,
    **{f"aten.{n}.default": _activation(n) for n in PLAIN},
    "aten.leaky_relu.default": _activation("leaky_relu", "negative_slope"),
    "aten.elu.default": _elu,
    "aten.gelu.default": _gelu,
    "aten.celu.default": _activation("celu", "alpha"),
    "aten.hardshrink.default": _activation("hardshrink", "lambd"),
    "aten.softshrink.default": _activation("softshrink", "lambd"),
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
    "aten.log_softmax.int": _softmax,
    "aten.max_pool2d.default": _pool("max"),
    "aten.avg_pool2d.default": _pool("avg"),
    "aten.max_pool1d.default": _pool_1d("max"),
    "aten.avg_pool1d.default": _pool_1d("avg"),
    "aten.max_pool3d.default": _pool_3d("max"),
    "aten.avg_pool3d.default": _pool_3d("avg"),
    "aten.adaptive_avg_pool1d.default": _adaptive_1d("avg"),
    "aten.adaptive_max_pool1d.default": _adaptive_1d("max"),
    "aten.adaptive_avg_pool3d.default": _adaptive_3d,
    "aten.adaptive_avg_pool2d.default": _adaptive("avg"),
    "aten.adaptive_max_pool2d.default": _adaptive("max"),
    "aten.mean.dim": _mean,
    "aten.mean.default": lambda a: Mean(tuple(range(len(a.shape("self"))))),
    "aten.sum.dim_IntList": _reduce("sum"),
    "aten.sum.default": _reduce_all("sum"),
    "aten.amax.default": _reduce("max"),
    "aten.amin.default": _reduce("min"),
    "aten.max.dim": _reduce("max"),
    "aten.min.dim": _reduce("min"),
    "aten.max.default": _reduce_all("max"),
    "aten.min.default": _reduce_all("min"),
    "aten.prod.dim_int": _reduce("prod"),
    **{
        f"aten.{kind}.{form}": _variance(kind)
        for kind, form in product(("var", "std"), ("default", "dim", "correction"))
    },
    "aten.linalg_vector_norm.default": _vector_norm,
    "aten.upsample_nearest2d.vec": _resize("nearest"),
    "aten.upsample_bilinear2d.vec": _resize("bilinear"),
    "aten.upsample_bicubic2d.vec": _resize("bicubic"),
}  # fmt: skip
