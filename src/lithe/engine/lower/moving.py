"""Operators that move or rename: most of them a name for what is there, the rest a copy."""

from lithe.engine.kernels.copy import Interleave, copy_kernel, interleave_kernel
from lithe.engine.kernels.pad import Frame, pad_kernel
from lithe.engine.kernels.strides import Nest
from lithe.engine.lower.context import Lowering
from lithe.engine.lower.placing import shuffle_of
from lithe.engine.lower.tensor import NHWC, ROWS, Tensor, dense
from lithe.engine.program import Arena, Place
from lithe.graph import Node
from lithe.graph.ops import ChannelShuffle, Concat, Pad, Slice, Transpose


def lower_reshape(ctx: Lowering, node: Node) -> None:
    """Another shape for the same elements; copied only where they are not in order."""
    (name,) = node.inputs
    tensor, shape = ctx.tensor(name), ctx.shape(node.output)
    if tensor.shape == shape:
        ctx.alias(node.output, tensor)
    elif tensor.layout == NHWC and tensor.shape == (*shape, 1, 1) and len(shape) == 2:
        ctx.alias(node.output, Tensor(tensor.place, shape, tensor.pitch, ROWS))
    elif len(tensor.shape) == 2 and shape == (*tensor.shape, 1, 1):
        ctx.alias(node.output, Tensor(tensor.place, shape, tensor.pitch, NHWC))
    else:
        ctx.alias(node.output, dense(ctx.rows(name).place, shape, ROWS))


def lower_transpose(ctx: Lowering, node: Node) -> None:
    """Axes in another order: no copy where a layout says that order."""
    op, (name,) = node.op, node.inputs
    assert isinstance(op, Transpose)
    tensor, shape = ctx.tensor(name), ctx.shape(node.output)
    strides = tuple(tensor.strides[axis] for axis in op.axes)
    layouts = (NHWC, ROWS) if len(shape) == 4 else (ROWS,)
    for layout in layouts:
        same = dense(tensor.place, shape, layout)
        moved = zip(shape, strides, same.strides, strict=True)
        if all(size == 1 or here == there for size, here, there in moved):
            ctx.alias(node.output, same)
            return
    out = ctx.new(node.output)
    kernel, units = copy_kernel(ctx.isa, shape, out.strides, strides)
    ctx.step(kernel, (out.place, tensor.place), units, node.path)


def lower_slice(ctx: Lowering, node: Node) -> None:
    """Part of an axis: channels, whole samples and rows of one image are a name, else a copy."""
    op, (name,) = node.op, node.inputs
    assert isinstance(op, Slice)
    tensor, shape = ctx.tensor(name), ctx.shape(node.output)
    if len(shape) == 4 and op.axis == 1:
        tensor = ctx.nhwc(name)
    stride = tensor.strides[op.axis]
    if op.start:
        tensor = ctx.in_arena(name, tensor)
    fastest = 1 if tensor.layout == NHWC else len(shape) - 1
    rows_of_one = tensor.layout == NHWC and op.axis == 2 and shape[0] == 1
    if op.step == 1 and (op.axis in (0, fastest) or rows_of_one):
        ctx.alias(node.output, tensor.moved(op.start * stride, shape))
        return
    steps = [s * op.step if axis == op.axis else s for axis, s in enumerate(tensor.strides)]
    out = ctx.new(node.output)
    source = tensor.moved(op.start * stride, shape)
    kernel, units = copy_kernel(ctx.isa, shape, out.strides, tuple(steps))
    ctx.step(kernel, (out.place, source.place), units, node.path)


def lower_concat(ctx: Lowering, node: Node) -> None:
    """Tensors joined along an axis; those that already lie in their places are not copied."""
    op = node.op
    assert isinstance(op, Concat)
    shape = ctx.shape(node.output)
    layout = NHWC if len(shape) == 4 else ROWS
    out = ctx.slot(node.output) or ctx.temporary(node.output, shape, layout)
    ctx.alias(node.output, out)
    assert isinstance(out.place, Arena)
    start = 0
    for index, name in enumerate(node.inputs):
        part = ctx.shape(name)
        place = Arena(out.place.buffer, out.place.floats + start * out.strides[op.axis])
        start += part[op.axis]
        tensor = ctx.tensor(name)
        if tensor.place == place and tensor.pitch == out.pitch and tensor.layout == layout:
            continue
        kernel, units = copy_kernel(ctx.isa, part, out.strides, tensor.strides)
        ctx.step(kernel, (place, tensor.place), units, f"{node.path} input {index}".strip())


def lower_shuffle(ctx: Lowering, node: Node) -> None:
    """Channels of groups dealt out in turn."""
    op, (name,) = node.op, node.inputs
    assert isinstance(op, ChannelShuffle)
    n, c, *rest = ctx.shape(name)
    tensor = ctx.nhwc(name) if len(rest) == 2 else ctx.tensor(name)
    out = ctx.new(node.output)
    each = c // op.groups
    from_n, from_c, *kept = tensor.strides
    to_n, to_c, *left = out.strides
    kernel, units = copy_kernel(
        ctx.isa,
        (n, op.groups, each, *rest),
        (to_n, to_c, to_c * op.groups, *left),
        (from_n, from_c * each, from_c, *kept),
    )
    ctx.step(kernel, (out.place, tensor.place), units, node.path)


def shuffle_concat(ctx: Lowering, index: int) -> int:
    """A concatenation and the shuffle that alone reads it, as one copy; 0 or 2 nodes."""
    nodes = ctx.nodes(index, 2)
    if len(nodes) < 2 or shuffle_of(ctx.graph, nodes[0]) is not nodes[1]:
        return 0
    joined, shuffle = nodes
    image = len(ctx.shape(joined.output)) == 4
    parts = [ctx.nhwc(name) if image else ctx.tensor(name) for name in joined.inputs]
    out = ctx.new(shuffle.output)
    # A pixel's channels are next to each other in either layout.
    pitches = (out.pitch, *(part.pitch for part in parts))
    outer = Nest((out.count,), tuple((pitch,) for pitch in pitches))
    spec = Interleave(outer, parts[0].width, (0,) * len(parts), several=True)
    kernel, units = interleave_kernel(ctx.isa, spec)
    places: list[Place] = [out.place, *(part.place for part in parts)]
    ctx.step(kernel, places, units, shuffle.path or joined.path)
    return 2


def lower_pad(ctx: Lowering, node: Node) -> None:
    """An image with a frame."""
    op, (name,) = node.op, node.inputs
    assert isinstance(op, Pad)
    x, out = ctx.nhwc(name), ctx.new(node.output)
    n, c, h, w = x.shape
    spec = Frame(n, c, h, w, (op.left, op.right, op.top, op.bottom), op.value, x.pitch, out.pitch)
    kernel, units = pad_kernel(ctx.isa, spec)
    ctx.step(kernel, (out.place, x.place), units, node.path)
