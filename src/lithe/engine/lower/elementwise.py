"""Activations, arithmetic and batch norm on their own: one element-wise kernel each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lithe.engine.kernels.elementwise import Elementwise, elementwise_kernel
from lithe.engine.kernels.row_conv import Floats
from lithe.engine.kernels.strides import nest_of
from lithe.engine.lower.context import Lowering, Work, work_of
from lithe.engine.lower.tensor import NHWC, ROWS, Tensor
from lithe.engine.program import Place
from lithe.graph import Node
from lithe.graph.ops import PRELU, Activation, BatchNorm, Binary, Shape


@dataclass(frozen=True, slots=True)
class Operand:
    """Something that is read element by element; strides are those of the output's axes."""

    place: Place
    strides: tuple[int, ...]


def lower_activation(ctx: Lowering, node: Node) -> None:
    """An activation that no producer took in."""
    op = node.op
    assert isinstance(op, Activation)
    if op.kind != PRELU:
        work = Work(op, node.inputs, activation=op.kind, act_args=op.args)
        _step(ctx, node, work, "")
        return
    (slope,) = ctx.constants(node)
    rank = len(ctx.shape(node.output))
    # One slope for each channel, axis 1; a single one is for all.
    shape = (1, slope.size, *[1] * (rank - 2)) if rank > 1 else (slope.size,)
    _step(ctx, node, work_of(node), PRELU, (slope.reshape(shape),))


def lower_binary(ctx: Lowering, node: Node) -> None:
    """Arithmetic of two tensors, or of a tensor and a constant, that broadcast."""
    work = work_of(node)
    assert isinstance(work.op, Binary)
    _step(ctx, node, work, work.op.kind, ctx.constants(node), swap=work.op.constant_first)


def lower_batch_norm(ctx: Lowering, node: Node) -> None:
    """A scale and a shift for each channel, worked out in float64."""
    work = work_of(node)
    assert isinstance(work.op, BatchNorm)
    gamma, beta, mean, var = (np.asarray(array, np.float64) for array in ctx.constants(node))
    with np.errstate(all="ignore"):  # a variance of zero is the network's affair
        scale = gamma / np.sqrt(var + work.op.eps)
        shift = beta - mean * scale
        shape = (1, -1, *[1] * (len(ctx.shape(node.output)) - 2))
        arrays = [array.astype(np.float32).reshape(shape) for array in (scale, shift)]
    _step(ctx, node, work, "affine", arrays)


def _step(
    ctx: Lowering,
    node: Node,
    work: Work,
    operation: str,
    arrays: Sequence[Floats] = (),
    *,
    swap: bool = False,
) -> None:
    """A step of `operation` on the inputs and then the arrays, or the other way round."""
    shape = ctx.shape(node.output)
    names = [*work.inputs, *filter(None, [work.residual])]
    images = [ctx.tensor(name) for name in names if len(ctx.shape(name)) == 4]
    # What is in order anyway stays so: the caller's planes, or what a transposition made.
    in_order = all(tensor.layout == ROWS for tensor in images)
    layout = ROWS if in_order or len(shape) != 4 else NHWC
    if ctx.slot(node.output) and len(shape) == 4:
        layout = NHWC

    def read(name: str) -> Operand:
        tensor = ctx.tensor(name)
        if len(tensor.shape) == 4:
            tensor = ctx.nhwc(name) if layout == NHWC else ctx.rows(name)
        return Operand(tensor.place, broadcast(tensor.shape, tensor.strides, shape))

    operands = [read(name) for name in work.inputs]
    for index, array in enumerate(arrays):
        name = f"{node.output}.operand{index}"
        operands.append(_constant(ctx, name, array, shape, layout))
    if swap:
        operands.reverse()
    if work.residual:
        operands.append(read(work.residual))
    out = ctx.new(node.output, over=_overwritten(ctx, work, shape), layout=layout)
    nest = nest_of(shape, [out.strides, *(operand.strides for operand in operands)])
    spec = Elementwise(nest, operation, bool(work.residual), work.activation, work.act_args)
    places = [out.place, *(operand.place for operand in operands)]
    ctx.step(elementwise_kernel(ctx.isa, spec), places, spec.units, node.path)


def _overwritten(ctx: Lowering, work: Work, shape: Shape) -> str:
    """An input that the output may take the place of, "" for none."""
    return next((name for name in work.inputs if ctx.shape(name) == shape), "")


def _constant(ctx: Lowering, name: str, array: Floats, shape: Shape, layout: str) -> Operand:
    """An array as an operand, its axes in the order of the output's layout."""
    array = array.reshape((*[1] * (len(shape) - array.ndim), *array.shape))
    order = (0, 2, 3, 1) if layout == NHWC else tuple(range(array.ndim))
    place = ctx.weights(name, array.transpose(order))
    width = (array.shape or (1,))[1 if layout == NHWC else -1]
    strides = Tensor(place, array.shape, width, layout).strides
    return Operand(place, broadcast(array.shape, strides, shape))


def broadcast(shape: Shape, strides: tuple[int, ...], out: Shape) -> tuple[int, ...]:
    """Strides of a tensor along the axes of a shape that it broadcasts to.

    >>> broadcast((8, 1), (1, 1), (4, 8, 6))
    (0, 1, 0)
    """
    own = [0 if size == 1 else stride for size, stride in zip(shape, strides, strict=True)]
    return (*[0] * (len(out) - len(shape)), *own)
