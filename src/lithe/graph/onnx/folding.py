"""What an ONNX file computes from its own arrays, mostly sizes, is worked out while reading."""

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from lithe.errors import LitheError
from lithe.graph.model import Array
from lithe.graph.onnx.call import Call, Constant, Tensor, axis_in, integers

MOST_ELEMENTS = 2**24  # of one array that is worked out here; a file cannot ask for more memory


def fold(call: Call) -> tuple[Array, ...] | None:
    """The outputs of an operator whose inputs are all known, or None where no rule knows it.

    `Shape` and `Size` know their output from the shape of their input.

    Raises:
        LitheError: an array of more than 2**24 elements, or inputs that are not the
            operator's.
    """
    first = call.value(0)
    if call.node.kind in ("Shape", "Size") and first is not None:
        shape = first.shape if isinstance(first, Tensor) else first.array.shape
        if call.node.kind == "Size":
            return (np.asarray(prod(shape), np.int64),)
        part = slice(call.attribute("start", 0), call.attribute("end"))
        return (np.asarray(shape[part], np.int64),)
    rule = FOLDS.get(call.node.kind)
    if rule is None or any(isinstance(value, Tensor) for value in call.values):
        return None
    arrays = [value.array if isinstance(value, Constant) else None for value in call.values]
    try:
        with np.errstate(all="ignore"):
            result = rule(call, *arrays)
    except (TypeError, AttributeError) as error:  # one input too many, too few or left out
        raise LitheError(f"it does not take these {len(arrays)} inputs") from error
    return tuple(result) if isinstance(result, list) else (np.asarray(result),)


def bounded(shape: list[int]) -> list[int]:
    """The shape, if an array of it may be made.

    Raises:
        LitheError: it may not.
    """
    if min(shape, default=0) < 0 or prod(shape) > MOST_ELEMENTS:
        raise LitheError(f"a constant of shape {tuple(shape)} is more than {MOST_ELEMENTS} numbers")
    return shape


def _constant(call: Call) -> Array:
    for name, value in call.node.attributes.items():
        if name == "value" and isinstance(value, np.ndarray):
            return value
        if name in ("value_int", "value_ints"):
            return np.asarray(value, np.int64)
        if name in ("value_float", "value_floats"):
            return np.asarray(value, np.float32)
    raise LitheError(f"a constant of {', '.join(call.node.attributes) or 'nothing'}")


def _constant_of_shape(call: Call, shape: Array) -> Array:
    value = call.attribute("value", np.zeros(1, np.float32))
    return np.full(bounded(integers(shape)), value.reshape(-1)[0])


def _range(call: Call, start: Array, stop: Array, step: Array) -> Array:
    first, last, each = (float(number.reshape(-1)[0]) for number in (start, stop, step))
    if not each or not abs((last - first) / each) <= MOST_ELEMENTS:
        raise LitheError(f"a range from {first:g} to {last:g} by {each:g}")
    return np.arange(start.reshape(-1)[0], stop.reshape(-1)[0], step.reshape(-1)[0])


def _expand(call: Call, x: Array, shape: Array) -> Array:
    out = np.broadcast_shapes(x.shape, tuple(bounded(integers(shape))))
    return np.broadcast_to(x, bounded(list(out))).copy()


def _concat(call: Call, *arrays: Array) -> Array:
    bounded([sum(array.size for array in arrays)])
    return np.concatenate(arrays, axis_in(call.attribute("axis", 0), arrays[0].ndim))


def _cast(call: Call, x: Array) -> Array:
    import onnx

    return x.astype(onnx.helper.tensor_dtype_to_np_dtype(call.attribute("to", 0)))


def _reshape(call: Call, x: Array, shape: Array | None = None) -> Array:
    return x.reshape(reshaped(call, x.shape))


def reshaped(call: Call, shape: tuple[int, ...]) -> tuple[int, ...]:
    """What a `Reshape` makes of a shape: 0 keeps a size, -1 takes what is left.

    Raises:
        LitheError: the number of elements would change.
    """
    wanted = call.integers(1, "shape")
    if wanted is None:
        raise LitheError("a reshape to no shape")
    out = [
        shape[i] if size == 0 and i < len(shape) and not call.attribute("allowzero", 0) else size
        for i, size in enumerate(wanted)
    ]
    known = prod(size for size in out if size != -1)
    if out.count(-1) == 1 and known > 0 and prod(shape) % known == 0:
        out[out.index(-1)] = prod(shape) // known
    if min(out, default=1) < 0 or prod(out) != prod(shape):
        raise LitheError(f"{shape} cannot be reshaped to {tuple(wanted)}")
    return tuple(out)


def squeezed(call: Call, shape: tuple[int, ...]) -> tuple[int, ...]:
    """What a `Squeeze` makes of a shape."""
    axes = call.integers(1, "axes")
    if axes is None:
        return tuple(size for size in shape if size != 1)
    gone = {axis_in(axis, len(shape)) for axis in axes}
    if any(shape[axis] != 1 for axis in gone):
        raise LitheError(f"axes {axes} of {shape} are not all of size 1")
    return tuple(size for axis, size in enumerate(shape) if axis not in gone)


def unsqueezed(call: Call, shape: tuple[int, ...]) -> tuple[int, ...]:
    """What an `Unsqueeze` makes of a shape."""
    axes = call.integers(1, "axes") or []
    rank = len(shape) + len(axes)
    new = {axis_in(axis, rank) for axis in axes}
    sizes = iter(shape)
    return tuple(1 if axis in new else next(sizes) for axis in range(rank))


def slices(call: Call, shape: tuple[int, ...]) -> dict[int, tuple[int, int, int]]:
    """What a `Slice` takes: start, stop and step by axis, both ends within the axis.

    Raises:
        LitheError: a step of 0, or as many ends as there are not starts.
    """
    starts, ends = call.integers(1, "starts"), call.integers(2, "ends")
    if starts is None or ends is None:
        raise LitheError("a slice without ends")
    axes = call.integers(3, "axes") or list(range(len(starts)))
    steps = call.integers(4, "steps") or [1] * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        raise LitheError(f"a slice from {starts} to {ends} by {steps} on axes {axes}")
    result = {}
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        axis = axis_in(axis, len(shape))
        result[axis] = slice(start, end, step).indices(shape[axis])
    return result


def _slice(call: Call, x: Array, *_: Array | None) -> Array:
    taken = slices(call, x.shape)
    # A stop of -1 from `indices` with a negative step means "beyond the first".
    parts = [
        slice(start, None if stop < 0 else stop, step)
        for start, stop, step in (taken.get(a, (0, n, 1)) for a, n in enumerate(x.shape))
    ]
    return x[tuple(parts)]


def _gather(call: Call, x: Array, indices: Array) -> Array:
    axis = axis_in(call.attribute("axis", 0), x.ndim)
    bounded([x.size // max(1, x.shape[axis]), indices.size])
    return np.take(x, indices, axis)


def _transpose(call: Call, x: Array) -> Array:
    perm = call.attribute("perm")
    return np.transpose(x, perm)


def _divide(call: Call, x: Array, y: Array) -> Array:
    if x.dtype.kind in "iu" and y.dtype.kind in "iu":
        return np.asarray(np.trunc(x / y)).astype(x.dtype)
    return np.asarray(x / y)


def _reduce(function: Callable[..., Any]) -> Callable[..., Array]:
    def rule(call: Call, x: Array, *_: Array | None) -> Array:
        axes = call.integers(1, "axes")
        over = None if axes is None else tuple(axis_in(axis, x.ndim) for axis in axes)
        return np.asarray(function(x, axis=over, keepdims=bool(call.attribute("keepdims", 1))))

    return rule


def _two(function: Callable[..., Any]) -> Callable[..., Array]:
    def rule(call: Call, x: Array, y: Array) -> Array:
        bounded(list(np.broadcast_shapes(x.shape, y.shape)))
        return np.asarray(function(x, y))

    return rule


def _each(function: Callable[..., Any]) -> Callable[..., Array]:
    return lambda call, x: np.asarray(function(x))


def _clip(call: Call, x: Array, low: Array | None = None, high: Array | None = None) -> Array:
    return x if low is None and high is None else np.clip(x, low, high)


def _where(call: Call, condition: Array, x: Array, y: Array) -> Array:
    bounded(list(np.broadcast_shapes(condition.shape, x.shape, y.shape)))
    return np.where(condition, x, y)


FOLDS: dict[str, Callable[..., Array | list[Array]]] = {
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "Range": _range,
    "Expand": _expand,
    "Concat": _concat,
    "Cast": _cast,
    "Reshape": _reshape,
    "Squeeze": lambda call, x, *_: x.reshape(squeezed(call, x.shape)),
    "Unsqueeze": lambda call, x, *_: x.reshape(unsqueezed(call, x.shape)),
    "Slice": _slice,
    "Gather": _gather,
    "Transpose": _transpose,
    "Identity": lambda call, x: x,
    "Add": _two(np.add),
    "Sub": _two(np.subtract),
    "Mul": _two(np.multiply),
    "Div": _divide,
    "Mod": _two(np.mod),
    "Equal": _two(np.equal),
    "Less": _two(np.less),
    "Greater": _two(np.greater),
    "And": _two(np.logical_and),
    "Or": _two(np.logical_or),
    "Max": _two(np.maximum),
    "Min": _two(np.minimum),
    "Pow": _two(np.power),
    "Clip": _clip,
    "Where": _where,
    "Not": _each(np.logical_not),
    "Neg": _each(np.negative),
    "Abs": _each(np.abs),
    "Sqrt": _each(np.sqrt),
    "Exp": _each(np.exp),
    "Floor": _each(np.floor),
    "Ceil": _each(np.ceil),
    "ReduceProd": _reduce(np.prod),
    "ReduceSum": _reduce(np.sum),
    "ReduceMax": _reduce(np.max),
    "ReduceMin": _reduce(np.min),
}
