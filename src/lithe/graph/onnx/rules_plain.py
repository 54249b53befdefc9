"""ONNX's operators in our words: element by element, and those that only move elements."""

from collections.abc import Callable
from math import prod

import numpy as np

from lithe.errors import LitheError
from lithe.graph.onnx.call import Call, Chain, Constant, NotUnderstoodError, Tensor, axis_in
from lithe.graph.onnx.folding import reshaped, slices, squeezed, unsqueezed
from lithe.graph.onnx.rules_layers import operands, spread
from lithe.graph.ops import (
    Activation,
    Binary,
    Concat,
    Dropout,
    Flatten,
    Op,
    Reshape,
    Slice,
    Softmax,
    Transpose,
    between,
)

Rule = Callable[[Call], Chain | tuple[Chain, ...]]


def _activation(kind: str, **defaults: float) -> Rule:
    """An activation whose numbers are attributes of these names and defaults."""

    def rule(call: Call) -> Chain:
        call.tensor()
        numbers = (call.attribute(name, default) for name, default in defaults.items())
        return Chain((Activation(kind, tuple(numbers)),))

    return rule


def _hard_sigmoid(call: Call) -> Chain:
    alpha, beta = call.attribute("alpha", 0.2), call.attribute("beta", 0.5)
    # The file holds float32; torch's slope is 1/6.
    if (np.float32(alpha), beta) == (np.float32(1 / 6), 0.5):
        return Chain((Activation("hardsigmoid"),))
    line = Activation("mul_constant", (alpha,)), Activation("add_constant", (beta,))
    return Chain((*line, between(0, 1)))


def _gelu(call: Call) -> Chain:
    tanh = call.attribute("approximate", "none") == "tanh"
    return Chain((Activation("gelu_tanh" if tanh else "gelu"),))


def _number(call: Call, index: int) -> float | None:
    if call.value(index) is None:
        return None
    array = call.constant(index).array
    if array.size != 1 or array.dtype.kind not in "fiu":
        raise LitheError(f"one number is wanted, not {array.dtype} of shape {array.shape}")
    return float(array.reshape(-1)[0])


def _clip(call: Call) -> Chain:
    call.tensor()
    if call.opset < 11:
        return Chain((between(call.attribute("min"), call.attribute("max")),))
    return Chain((between(_number(call, 1), _number(call, 2)),))


def _prelu(call: Call) -> Chain:
    x, slope = call.tensor(), call.constant(1)
    c = x.shape[1] if len(x.shape) > 1 else 1
    # One slope, or one for each channel: (c, 1, 1) beside n c h w.
    per_channel = (c, *[1] * (len(x.shape) - 2))
    if slope.array.size != 1 and slope.array.shape not in (per_channel, (1, *per_channel)):
        raise NotUnderstoodError(f"with slopes of shape {slope.array.shape}")
    return Chain(
        (Activation("prelu"),), (call.derived(slope.array.reshape(-1), "slope"),), params=1
    )


def _power(call: Call) -> Chain:
    exponent = _number(call, 1)
    if exponent is None:
        raise LitheError("a power without an exponent")
    if exponent == 2:
        return Chain((Activation("square"),))
    return Chain((Activation("pow_constant", (exponent,)),))


def _binary(kind: str) -> Rule:
    def rule(call: Call) -> Chain:
        if len(call.values) != 2:
            raise NotUnderstoodError(f"of {len(call.values)} operands")
        if call.opset < 7 and ("axis" in call.node.attributes):
            raise NotUnderstoodError("with an axis")
        x, y = call.values
        if isinstance(x, Tensor) and isinstance(y, Tensor):
            return Chain((Binary(kind),))
        constant = y if isinstance(x, Tensor) else x
        tensor = x if isinstance(x, Tensor) else y
        if not isinstance(constant, Constant) or not isinstance(tensor, Tensor):
            raise LitheError("an operand is left out")
        array = constant.array
        if array.dtype.kind != "f":
            raise NotUnderstoodError(f"with a constant of {array.dtype}")
        if array.size == 1 and array.ndim <= len(tensor.shape) and kind in _NUMBER:
            return Chain(_with_number(kind, float(array.reshape(-1)[0]), constant is x))
        wider = spread(tensor.shape, array.shape)
        return Chain((*wider, Binary(kind, constant_first=constant is x)), (constant,))

    return rule


_NUMBER = ("add", "sub", "mul", "div")


def _with_number(kind: str, number: float, first: bool) -> tuple[Op, ...]:
    if first and kind == "sub":
        return (Activation("rsub_constant", (number,)),)
    if first and kind == "div":
        return Activation("reciprocal"), Activation("mul_constant", (number,))
    return (Activation(f"{kind}_constant", (number,)),)


def _softmax(call: Call) -> Chain:
    shape = call.tensor().shape
    axis = axis_in(call.attribute("axis", -1 if call.opset >= 13 else 1), len(shape))
    log = call.node.kind == "LogSoftmax"
    if call.opset >= 13 or prod(shape[axis + 1 :]) == 1:
        return Chain((Softmax(axis, log),))
    # Before version 13 all axes from this one on were one.
    flat = prod(shape[:axis]), prod(shape[axis:])
    return Chain((Reshape(flat), Softmax(1, log), Reshape(shape)))


def _concat(call: Call) -> Chain:
    tensors = [value for value in call.values if isinstance(value, Tensor)]
    if not tensors:
        raise LitheError("nothing is concatenated")
    axis = axis_in(call.attribute("axis", 1), len(tensors[0].shape))
    given, constants = operands(call)
    return Chain((Concat(axis, given),), constants)


def _split(call: Call) -> tuple[Chain, ...]:
    shape = call.tensor().shape
    axis = axis_in(call.attribute("axis", 0), len(shape))
    count, size = len(call.node.outputs), shape[axis]
    sizes = call.integers(1, "split")
    if sizes is None:
        each = -(-size // count)
        sizes = [min(each, size - i * each) for i in range(count)]
    if len(sizes) != count or sum(sizes) != size or min(sizes) < 0:
        raise LitheError(f"{size} elements of axis {axis} are split into {sizes}")
    ends = np.cumsum(sizes).tolist()
    return tuple(
        Chain((Slice(axis, end - part, end),)) for part, end in zip(sizes, ends, strict=True)
    )


def _slice(call: Call) -> Chain:
    shape = call.tensor().shape
    taken = slices(call, shape)
    if any(step < 0 for _, _, step in taken.values()):
        raise NotUnderstoodError("backwards")
    ops: list[Op] = [
        Slice(axis, start, max(start, stop), step) for axis, (start, stop, step) in taken.items()
    ]
    return Chain(tuple(ops) or (Reshape(shape),))


def _gather(call: Call) -> Chain:
    shape, indices = call.tensor().shape, call.constant(1).array
    axis = axis_in(call.attribute("axis", 0), len(shape))
    if indices.ndim != 0 or indices.dtype.kind not in "iu":
        raise NotUnderstoodError(f"of indices of shape {indices.shape}")
    index = axis_in(int(indices), shape[axis])
    return Chain((Slice(axis, index, index + 1), Reshape((*shape[:axis], *shape[axis + 1 :]))))


def _flatten(call: Call) -> Chain:
    shape = call.tensor().shape
    axis = call.attribute("axis", 1)
    axis = axis if axis == len(shape) else axis_in(axis, len(shape))
    if axis == 1:
        return Chain((Flatten(1),))
    return Chain((Reshape((prod(shape[:axis]), prod(shape[axis:]))),))


def _transpose(call: Call) -> Chain:
    rank = len(call.tensor().shape)
    return Chain((Transpose(tuple(call.attribute("perm", list(range(rank))[::-1]))),))


def _reshape(shape_of: Callable[[Call, tuple[int, ...]], tuple[int, ...]]) -> Rule:
    return lambda call: Chain((Reshape(shape_of(call, call.tensor().shape)),))


def _dropout(call: Call) -> Chain:
    training = call.value(2)
    if isinstance(training, Tensor) or (training is not None and training.array.any()):
        raise NotUnderstoodError("while training")
    if len([name for name in call.node.outputs if name]) > 1:
        raise NotUnderstoodError("with its mask")
    return Chain((Dropout(),))


def _cast(call: Call) -> Chain:
    import onnx

    types = onnx.TensorProto
    if call.attribute("to", 0) not in (types.FLOAT, types.FLOAT16, types.BFLOAT16, types.DOUBLE):
        raise NotUnderstoodError(f"to type {call.attribute('to', 0)}")
    return Chain((Reshape(call.tensor().shape),))  # how finely numbers are rounded is not ours


PLAIN_RULES: dict[str, Rule] = {
    "Relu": _activation("relu"),
    "Sigmoid": _activation("sigmoid"),
    "Tanh": _activation("tanh"),
    "HardSwish": _activation("hardswish"),
    "Mish": _activation("mish"),
    "Neg": _activation("neg"),
    "Abs": _activation("abs"),
    "Exp": _activation("exp"),
    "Log": _activation("log"),
    "Sqrt": _activation("sqrt"),
    "Reciprocal": _activation("reciprocal"),
    "LeakyRelu": _activation("leaky_relu", alpha=0.01),
    "Elu": _activation("elu", alpha=1.0),
    "Softplus": lambda call: Chain((Activation("softplus", (1.0, 20.0)),)),
    "HardSigmoid": _hard_sigmoid,
    "Gelu": _gelu,
    "Clip": _clip,
    "PRelu": _prelu,
    "Pow": _power,
    "Add": _binary("add"),
    "Sum": _binary("add"),
    "Sub": _binary("sub"),
    "Mul": _binary("mul"),
    "Div": _binary("div"),
    "Max": _binary("maximum"),
    "Min": _binary("minimum"),
    "Softmax": _softmax,
    "LogSoftmax": _softmax,
    "Erf": _activation("erf"),
    "Sin": _activation("sin"),
    "Cos": _activation("cos"),
    "Floor": _activation("floor"),
    "Ceil": _activation("ceil"),
    "Round": _activation("round"),
    "Sign": _activation("sign"),
    "Celu": _activation("celu", alpha=1.0),
    "Concat": _concat,
    "Split": _split,
    "Slice": _slice,
    "Gather": _gather,
    "Flatten": _flatten,
    "Transpose": _transpose,
    "Reshape": _reshape(reshaped),
    "Squeeze": _reshape(squeezed),
    "Unsqueeze": _reshape(unsqueezed),
    "Dropout": _dropout,
    "Cast": _cast,
    "CastLike": lambda call: Chain((Reshape(call.tensor().shape),)),
}
