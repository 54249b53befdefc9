"""torch's operators in our words: a rule per name in `RULES`, `Unknown` for the rest.

Adding an operator is one dataclass in `lithe.graph.ops` and one line in `RULES` here.
"""

from collections.abc import Callable
from itertools import product
from typing import Any

import torch
from torch.fx import Node as FxNode

from lithe.errors import LitheError
from lithe.graph.ops import (
    Activation,
    AdaptiveAvgPool2d,
    BatchNorm,
    Binary,
    Concat,
    Conv2d,
    Copy,
    Dropout,
    Flatten,
    Linear,
    Mean,
    Op,
    Pair,
    Pool2d,
    Shape,
    Unknown,
    View,
)


def operator_of(node: FxNode, inputs: tuple[Shape, ...]) -> Op:
    """The operator of a call that makes one tensor out of `inputs` and weights.

    A rule that gives another shape than torch saw is not trusted: the call is `Unknown`.
    """
    seen = Unknown(str(node.target), seen_shape(node))
    rule = RULES.get(str(node.target))
    if rule is None:
        return seen
    op = rule(_Arguments(node))
    try:
        return op if op.shape(*inputs) == seen.out else seen
    except LitheError:
        return seen


def seen_shape(node: FxNode) -> Shape:
    """The shape that tracing saw; of a call that returns several tensors, all elements.

    Raises:
        LitheError: a size that depends on the values in the input.
    """
    value = node.meta["val"]
    if isinstance(value, list | tuple):
        tensors = [part for part in _flat(value) if isinstance(part, torch.Tensor)]
        return (sum(part.numel() for part in tensors),)
    # Not a tensor: a size that tracing could not settle.
    if not isinstance(value, torch.Tensor) or not all(type(n) is int for n in value.shape):
        raise LitheError(
            f"{node.target} has a size that depends on the values in the input, which a fixed "
            "graph cannot hold"
        )
    return tuple(value.shape)


def arguments(node: FxNode) -> list[FxNode]:
    """Every value that a call reads, in the order of its arguments."""
    leaves = _flat((*node.args, *node.kwargs.values()))
    return [leaf for leaf in leaves if isinstance(leaf, FxNode)]


def _flat(args: Any) -> list[Any]:
    if isinstance(args, list | tuple):
        return [leaf for arg in args for leaf in _flat(arg)]
    return [args]


class _Arguments:
    """The arguments of a call by the names in its schema, defaults filled in."""

    def __init__(self, node: FxNode) -> None:
        self.node = node
        schema = node.target._schema.arguments  # type: ignore[union-attr]
        self._values = {arg.name: arg.default_value for arg in schema if arg.has_default_value()}
        self._values |= {arg.name: v for arg, v in zip(schema, node.args, strict=False)}
        self._values |= dict(node.kwargs)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def shape(self, name: str) -> Shape:
        return seen_shape(self[name])

    def pair(self, name: str, default: Pair = (0, 0)) -> Pair:
        value = self[name]
        if isinstance(value, int):
            return value, value
        if not value:
            return default
        return (value[0], value[0]) if len(value) == 1 else (value[0], value[1])

    def unknown(self, why: str) -> Unknown:
        return Unknown(f"{self.node.target} {why}", seen_shape(self.node))


Rule = Callable[[_Arguments], Op]


def _conv2d(a: _Arguments) -> Op:
    c_out, c_group, h, w = a.shape("weight")
    kernel, dilation, padding = (h, w), a.pair("dilation"), a["padding"]
    if isinstance(padding, str):
        span_h, span_w = (d * (k - 1) for k, d in zip(kernel, dilation, strict=True))
        if padding == "same" and (span_h % 2 or span_w % 2):
            # One side is padded more than the other, which no pair can say.
            return a.unknown("with padding='same' and an even kernel")
        padding = (span_h // 2, span_w // 2) if padding == "same" else (0, 0)
    else:
        padding = a.pair("padding")
    groups = a["groups"]
    bias = a["bias"] is not None
    return Conv2d(
        c_group * groups, c_out, kernel, a.pair("stride"), padding, dilation, groups, bias
    )


def _linear(a: _Arguments) -> Op:
    c_out, c_in = a.shape("weight")
    return Linear(c_in, c_out, a["bias"] is not None)


def _pool(kind: str) -> Rule:
    def rule(a: _Arguments) -> Op:
        kernel = a.pair("kernel_size")
        dilation = a.pair("dilation") if kind == "max" else (1, 1)
        return Pool2d(
            kind, kernel, a.pair("stride", kernel), a.pair("padding"), dilation, a["ceil_mode"]
        )

    return rule


def _clamp(kind: str, low: str, high: str) -> Rule:
    def rule(a: _Arguments) -> Op:
        limits = a[low], a[high]
        return Activation("relu6" if limits == (0, 6) else f"{kind}({limits[0]}, {limits[1]})")

    return rule


def _flatten(a: _Arguments) -> Op:
    rank = len(a.shape("self"))
    if a["end_dim"] not in (-1, rank - 1):
        return View("flatten", seen_shape(a.node))
    return Flatten(a["start_dim"] % rank)


def _binary(kind: str) -> Rule:
    def rule(a: _Arguments) -> Op:
        # With a plain number there is one tensor: no more than an activation.
        return Binary(kind) if isinstance(a["other"], FxNode) else Activation(f"{kind}_constant")

    return rule


def _mean(a: _Arguments) -> Op:
    rank = len(a.shape("self"))
    axes = tuple(sorted(axis % rank for axis in a["dim"] or range(rank)))
    if not a["keepdim"]:
        return Mean(axes)
    return AdaptiveAvgPool2d() if axes == (2, 3) else a.unknown(f"over axes {axes}, kept")


def _copy(a: _Arguments) -> Op:
    return Copy(seen_shape(a.node))


def _reshape(a: _Arguments) -> Op:
    # torch copies only where the bytes are in another order than the new shape needs.
    shape = seen_shape(a.node)
    return View("reshape", shape) if a["self"].meta["val"].is_contiguous() else Copy(shape)


def _view(kind: str) -> Rule:
    return lambda a: View(kind, seen_shape(a.node))


def _activation(kind: str) -> Rule:
    return lambda _: Activation(kind)


# Element by element on one tensor, each also with a trailing underscore; no MACs.
ACTIVATIONS = (
    "relu", "relu6", "leaky_relu", "elu", "sigmoid", "tanh", "silu", "hardswish", "hardsigmoid",
    "gelu", "mish", "softplus", "prelu",
)  # fmt: skip
# Another way to see the same bytes.
VIEWS = {
    "aten.view.default": "reshape",
    "aten._unsafe_view.default": "reshape",
    "aten.unflatten.int": "reshape",
    "aten.squeeze.default": "reshape",
    "aten.squeeze.dim": "reshape",
    "aten.squeeze.dims": "reshape",
    "aten.unsqueeze.default": "reshape",
    "aten.permute.default": "transpose",
    "aten.transpose.int": "transpose",
    "aten.t.default": "transpose",
    "aten.slice.Tensor": "slice",
    "aten.select.int": "slice",
    "aten.narrow.default": "slice",
    "aten.alias.default": "alias",
    "aten.detach.default": "alias",
    "aten.detach_.default": "alias",
}
# Calls that return a list of views of their input.
SPLITS = frozenset({
    "aten.chunk.default",
    "aten.split.Tensor",
    "aten.split.sizes",
    "aten.split_with_sizes.default",
    "aten.tensor_split.sections",
    "aten.unbind.int",
})  # fmt: skip

RULES: dict[str, Rule] = {
    "aten.conv2d.default": _conv2d,
    "aten.conv2d.padding": _conv2d,
    "aten.linear.default": _linear,
    "aten.batch_norm.default": lambda a: BatchNorm(a.shape("input")[1]),
    **{f"aten.{n}{u}.default": _activation(n) for n, u in product(ACTIVATIONS, ("", "_"))},
    "aten.hardtanh.default": _clamp("hardtanh", "min_val", "max_val"),
    "aten.hardtanh_.default": _clamp("hardtanh", "min_val", "max_val"),
    "aten.clamp.default": _clamp("clamp", "min", "max"),
    "aten.clamp_.default": _clamp("clamp", "min", "max"),
    **{
        f"aten.{n}{u}.Tensor": _binary(n)
        for n, u in product(("add", "sub", "mul", "div"), ("", "_"))
    },
    "aten.rsub.Scalar": _activation("rsub_constant"),
    "aten.cat.default": lambda a: Concat(a["dim"] % len(seen_shape(a.node))),
    "aten.max_pool2d.default": _pool("max"),
    "aten.avg_pool2d.default": _pool("avg"),
    "aten.adaptive_avg_pool2d.default": lambda a: AdaptiveAvgPool2d(a.pair("output_size")),
    "aten.mean.dim": _mean,
    "aten.mean.default": lambda a: Mean(tuple(range(len(a.shape("self"))))),
    "aten.flatten.using_ints": _flatten,
    "aten.dropout.default": lambda _: Dropout(),
    "aten.dropout_.default": lambda _: Dropout(),
    "aten.contiguous.default": _copy,
    "aten.clone.default": _copy,
    "aten.reshape.default": _reshape,
    **{target: _view(kind) for target, kind in VIEWS.items()},
}
