"""ONNX's operators in our words: those that no kernel computes, and that are counted.

Convolutions of other ranks, transposed ones, norms, products, reductions.
"""

from collections.abc import Callable

from lithe.errors import LitheError
from lithe.graph.onnx.call import (
    Call,
    Chain,
    Constant,
    NotUnderstoodError,
    Tensor,
    axis_in,
    integers,
)
from lithe.graph.ops import (
    ConvNd,
    ConvTransposed,
    Copy,
    Einsum,
    Expand,
    GroupNorm,
    LayerNorm,
    LocalResponseNorm,
    MatMul,
    Operands,
    Reduce,
    Reshape,
    Shape,
    Transpose,
    broadcast,
)

Rule = Callable[[Call], Chain | tuple[Chain, ...]]


def conv_nd(call: Call) -> Chain:
    """A convolution over a line or a volume."""
    x, weight, kernel, each, padding = _convolution(call)
    c_out, c_group = weight.array.shape[:2]
    groups, constants = call.attribute("group", 1), _with_bias(call, weight, weight.array.shape[0])
    stride, dilation = each
    bias = len(constants) == 2
    op = ConvNd(c_group * groups, c_out, kernel, stride, padding, dilation, groups, bias)
    op.shape(x.shape)
    return Chain((op,), constants, params=len(constants))


def _conv_transposed(call: Call) -> Chain:
    x, weight, kernel, (stride, dilation), padding = _convolution(call)
    if call.attribute("output_shape") is not None:
        raise NotUnderstoodError("with a shape of its output")
    groups, (c_in, c_group) = call.attribute("group", 1), weight.array.shape[:2]
    more = call.sizes("output_padding", len(kernel), 0, least=0)
    constants = _with_bias(call, weight, c_group * groups)
    bias = len(constants) == 2
    op = ConvTransposed(
        c_in, c_group * groups, kernel, stride, padding, dilation, more, groups, bias
    )
    op.shape(x.shape)
    return Chain((op,), constants, params=len(constants))


def _convolution(call: Call) -> tuple[Tensor, Constant, Shape, tuple[Shape, Shape], Shape]:
    x, weight = call.tensor(), call.constant(1)
    rank = len(x.shape) - 2
    if rank not in (1, 2, 3):
        raise NotUnderstoodError(f"of {len(x.shape)} axes")
    kernel = tuple(weight.array.shape[2:])
    if len(kernel) != rank or min(weight.array.shape) < 1 or call.attribute("group", 1) < 1:
        raise LitheError(f"weight {weight.name} is of shape {weight.array.shape}")
    if list(kernel) != list(call.attribute("kernel_shape", list(kernel))):
        raise LitheError(f"kernel_shape is {call.attribute('kernel_shape')} and not {kernel}")
    if call.attribute("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise NotUnderstoodError(f"with auto_pad {call.attribute('auto_pad')}")
    pads = call.sizes("pads", 2 * rank, 0, least=-(2**31))
    if pads[:rank] != pads[rank:] or min(pads) < 0:
        raise NotUnderstoodError(f"with padding {pads}")
    each = call.sizes("strides", rank, 1), call.sizes("dilations", rank, 1)
    return x, weight, kernel, each, pads[:rank]


def _with_bias(call: Call, weight: Constant, c_out: int) -> tuple[Constant, ...]:
    if call.value(2) is None:
        return (weight,)
    bias = call.constant(2)
    if bias.array.shape != (c_out,):
        raise LitheError(f"bias {bias.name} is of shape {bias.array.shape}, not ({c_out},)")
    return weight, bias


def operands(call: Call) -> tuple[Operands, tuple[Constant, ...]]:
    """Which inputs are constants, as an operator says it, and those constants."""
    values = [value for value in call.values if value is not None]
    constants = tuple(value for value in values if isinstance(value, Constant))
    shapes = tuple(v.array.shape if isinstance(v, Constant) else None for v in values)
    return (shapes if constants else ()), constants


def matmul(call: Call) -> Chain:
    """A product of matrices that is no linear layer."""
    given, constants = operands(call)
    return Chain((MatMul(given),), constants, params=len(constants))


def _einsum(call: Call) -> Chain:
    terms, arrow, out = call.attribute("equation", "").replace(" ", "").partition("->")
    if "." in terms or not arrow:
        raise NotUnderstoodError(f"with equation {terms}")
    given, constants = operands(call)
    return Chain((Einsum(f"{terms}->{out}", given),), constants, params=len(constants))


def _layer_norm(call: Call) -> Chain:
    shape, weight = call.tensor().shape, call.constant(1)
    _one_output(call)
    over = shape[axis_in(call.attribute("axis", -1), len(shape)) :]
    given = (weight,) if call.value(2) is None else (weight, call.constant(2))
    if any(constant.array.shape != over for constant in given):
        raise NotUnderstoodError(f"over {over} with a weight of {weight.array.shape}")
    norm = LayerNorm(over, call.attribute("epsilon", 1e-5), True, len(given) == 2)
    return Chain((norm,), given, params=len(given))


def _group_norm(call: Call) -> Chain:
    c = call.tensor().shape[1:2]
    groups = c[0] if call.node.kind == "InstanceNormalization" and c else None
    groups = groups or call.attribute("num_groups", 1)
    given = call.constant(1), call.constant(2)
    if {constant.array.shape for constant in given} != {c}:
        raise NotUnderstoodError(f"with a weight of {given[0].array.shape}")
    return Chain((GroupNorm(groups, call.attribute("epsilon", 1e-5)),), given, params=2)


def _local_response_norm(call: Call) -> Chain:
    call.tensor()
    numbers = call.attribute("alpha", 1e-4), call.attribute("beta", 0.75)
    size = call.attribute("size", 1)
    if size < 1:
        raise LitheError(f"attribute size is {size}")
    return Chain((LocalResponseNorm(size, *numbers, call.attribute("bias", 1.0)),))


def _reduce(kind: str) -> Rule:
    def rule(call: Call) -> Chain:
        rank, axes = len(call.tensor().shape), call.integers(1, "axes")
        if not axes and call.attribute("noop_with_empty_axes", 0):
            raise NotUnderstoodError("over no axis")
        over = tuple(sorted({axis_in(axis, rank) for axis in axes or range(rank)}))
        return Chain((Reduce(kind, over, bool(call.attribute("keepdims", 1))),))

    return rule


def _expand(call: Call) -> Chain:
    wanted = tuple(integers(call.constant(1).array))
    return Chain((Expand(broadcast(call.tensor().shape, wanted)),))


def _tile(call: Call) -> Chain:
    shape, times = call.tensor().shape, tuple(integers(call.constant(1).array))
    if len(times) != len(shape) or min(times, default=1) < 1:
        raise LitheError(f"{shape} is repeated {times} times")
    split = tuple(size for each in shape for size in (1, each))
    wide = tuple(size for pair in zip(times, shape, strict=True) for size in pair)
    out = tuple(a * b for a, b in zip(times, shape, strict=True))
    return Chain((Reshape(split), Expand(wide), Copy(out)))


def _depth_to_space(call: Call) -> Chain:
    n, c, h, w = call.image().shape
    r = call.attribute("blocksize", 0)
    if r < 1 or c % r**2:
        raise LitheError(f"{c} channels in blocks of {r} x {r}")
    if call.attribute("mode", "DCR") == "DCR":
        split, order = (n, r, r, c // r**2, h, w), (0, 3, 4, 1, 5, 2)
    else:
        split, order = (n, c // r**2, r, r, h, w), (0, 1, 4, 2, 5, 3)
    return Chain((Reshape(split), Transpose(order), Copy((n, c // r**2, h * r, w * r))))


def _space_to_depth(call: Call) -> Chain:
    n, c, h, w = call.image().shape
    r = call.attribute("blocksize", 0)
    if r < 1 or h % r or w % r:
        raise LitheError(f"{h} x {w} pixels in blocks of {r} x {r}")
    split, order = (n, c, h // r, r, w // r, r), (0, 3, 5, 1, 2, 4)
    return Chain((Reshape(split), Transpose(order), Copy((n, c * r**2, h // r, w // r))))


def spread(shape: Shape, constant: Shape) -> tuple[Expand, ...]:
    """What widens a tensor to the shape that it and a constant make; nothing if it has that."""
    out = broadcast(shape, constant)
    return () if out == shape else (Expand(out),)


def _one_output(call: Call) -> None:
    if len([name for name in call.node.outputs if name]) > 1:
        raise NotUnderstoodError("with its statistics")


LAYER_RULES: dict[str, Rule] = {
    "ConvTranspose": _conv_transposed,
    "Einsum": _einsum,
    "LayerNormalization": _layer_norm,
    "GroupNormalization": _group_norm,
    "InstanceNormalization": _group_norm,
    "LRN": _local_response_norm,
    "ReduceSum": _reduce("sum"),
    "ReduceMax": _reduce("max"),
    "ReduceMin": _reduce("min"),
    "ReduceProd": _reduce("prod"),
    "ReduceL1": _reduce("l1"),
    "ReduceL2": _reduce("l2"),
    "Expand": _expand,
    "Tile": _tile,
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
}
