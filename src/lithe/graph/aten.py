"""A call of torch in our words, or `Unknown`: what is not understood is never trusted.

The rules are in `lithe.graph.aten_rules`.
"""

import operator
from collections.abc import Collection
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch.fx import Node as FxNode

from lithe.errors import LitheError
from lithe.graph.aten_rules import FIRST, RULES, SPLITS
from lithe.graph.fx import Arguments, arguments, flat, seen_shape
from lithe.graph.ops import (
    Activation,
    AddProduct,
    Attention,
    BatchNorm,
    Binary,
    Concat,
    Conv2d,
    ConvNd,
    ConvTransposed,
    Einsum,
    Expand,
    GroupNorm,
    LayerNorm,
    Linear,
    MatMul,
    Op,
    Part,
    Reshape,
    RmsNorm,
    Shape,
    Slice,
    Take,
    Unknown,
)


@dataclass(frozen=True, slots=True)
class Filled:
    """A constant (c) of one repeated number, where torch leaves an argument out."""

    value: float
    c: int


@dataclass(frozen=True, slots=True)
class Call:
    """A call in our words: operators one after the other; the last one reads the constants."""

    ops: tuple[Op, ...]
    constants: tuple[FxNode | Filled, ...] = ()


def call_of(node: FxNode, known: Collection[str]) -> Call:
    """The operators of a call that makes one tensor out of another one and constants.

    `known` names the values that do not depend on the input. A rule that does not fit what
    tracing saw is not trusted: the call is `Unknown` then.
    """
    read = arguments(node)
    seen = Unknown(str(node.target), seen_shape(node))
    unknown = Call((seen,), tuple(value for value in read if value.name in known))
    name = str(node.target)
    rule = RULES.get(name) or RULES.get(name.replace("_.", "."))  # `relu_`: in place
    inputs = tuple(value for value in read if value.name not in known)
    if rule is None or not _one_type(node, inputs):
        return unknown
    a = Arguments(node, known)
    try:
        made = rule(a)
        ops = made if isinstance(made, tuple) else (made,)
        if isinstance(ops[0], Binary):
            ops = _binary(ops[0], node, inputs, a)
        constants = _constants(ops[-1], a, known)
        shapes = tuple(map(seen_shape, inputs))
        for op in ops:
            shapes = (op.shape(*shapes),)
    except LitheError:
        return unknown
    if isinstance(ops[-1], Unknown):
        return Call(ops, unknown.constants)
    used = sum(isinstance(constant, FxNode) for constant in constants)
    several = isinstance(ops[0], _SEVERAL) or (isinstance(ops[0], ConvNd) and ops[0].dynamic)
    if (
        shapes != (_out(node),)
        or used != len(read) - len(inputs)
        or not (several or len(inputs) == 1)
    ):
        return unknown
    return Call(ops, constants)


# Operators of as many inputs as their shape rules say.
_SEVERAL = (AddProduct, Attention, Binary, Concat, Einsum, MatMul)


def _binary(op: Binary, node: FxNode, inputs: tuple[FxNode, ...], a: Arguments) -> tuple[Op, ...]:
    first = a["self"].name in a.known
    out = _out(node)
    # A constant may be wider than what it meets: that is spread out before.
    wide = len(inputs) == 1 and len(a.tensors()) == 2 and seen_shape(inputs[0]) != out
    return (*((Expand(out),) if wide else ()), Binary(op.kind, constant_first=first))


def _constants(op: Op, a: Arguments, known: Collection[str]) -> tuple[FxNode | Filled, ...]:
    match op:
        case Conv2d() | ConvNd(dynamic=False) | ConvTransposed() | Linear():
            given = [a["weight"], a["bias"]] if op.bias else [a["weight"]]
        case LayerNorm() | GroupNorm() | RmsNorm():
            names = ("weight",) if isinstance(op, RmsNorm) else ("weight", "bias")
            given = [a[name] for name in names if a[name] is not None]
        case BatchNorm(c=c):
            weight, bias = a["weight"], a["bias"]
            given = [
                Filled(1.0, c) if weight is None else weight,
                Filled(0.0, c) if bias is None else bias,
                a["running_mean"],
                a["running_var"],
            ]
        case Activation(kind="prelu"):
            given = [a["weight"]]
        case AddProduct() | Attention() | Binary() | Concat() | Einsum() | MatMul() | Take():
            given = [value for value in a.tensors() if value.name in known]
        case _:
            given = []
    for value in given:
        if isinstance(value, FxNode) and value.name not in known:
            raise LitheError(f"{value} depends on the input and is no constant")
    return tuple(given)


def _one_type(node: FxNode, inputs: tuple[FxNode, ...]) -> bool:
    """Whether all that depends on the input is of one floating-point type."""
    values = [flat(value.meta["val"])[0] for value in (node, *inputs)]
    types = {value.dtype if isinstance(value, torch.Tensor) else None for value in values}
    return len(types) == 1 and all(t is not None and t.is_floating_point for t in types)


def _out(node: FxNode) -> Shape:
    """Shape of a call's tensor, or of the first one where only that is read."""
    return tuple(flat(node.meta["val"])[0].shape) if reads_first(node) else seen_shape(node)


def reads_first(node: FxNode) -> bool:
    """Whether of a call's several tensors only the first one is ever read."""
    return str(node.target) in FIRST and all(
        user.target is operator.getitem and (user.args[1] == 0 or not user.users)
        for user in node.users
    )


def piece_of(node: FxNode) -> tuple[Op, ...]:
    """What takes the piece that `node` picks from a call that returns several tensors."""
    whole, index = node.args
    assert isinstance(whole, FxNode)
    assert isinstance(index, int)
    if str(whole.target) not in SPLITS:
        return (Part(index, seen_shape(node)),)
    a = Arguments(whole)
    shape = a.shape("self")
    axis = a["dim"] % len(shape)
    if str(whole.target) == "aten.unbind.int":
        index %= shape[axis]
        return Slice(axis, index, index + 1), Reshape(seen_shape(node))
    ends = list(accumulate(piece.shape[axis] for piece in whole.meta["val"]))
    stop = ends[index]
    return (Slice(axis, stop - seen_shape(node)[axis], stop),)
