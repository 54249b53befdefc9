"""Pooling, averages, softmax and resizing: a kernel each, on the layout that suits it."""

import numpy as np

from lithe.engine.kernels import pool, reduce, resize
from lithe.engine.kernels.adaptive import AdaptivePool, adaptive_pool_kernel
from lithe.engine.kernels.strides import nest_of
from lithe.engine.lower.context import Lowering, work_of
from lithe.graph import Node
from lithe.graph.ops import AdaptivePool2d, Mean, Pool2d, Resize, Softmax


def lower_pool(ctx: Lowering, node: Node) -> None:
    """Windows of one size."""
    work = work_of(node)
    op = work.op
    assert isinstance(op, Pool2d)
    x, out = ctx.nhwc(work.inputs[0]), ctx.new(node.output)
    n, c, *size_in = x.shape
    spec = pool.Pool(
        op.kind,
        n,
        c,
        (size_in[0], size_in[1]),
        (out.shape[2], out.shape[3]),
        op.kernel,
        op.stride,
        op.padding,
        op.dilation,
        op.count_include_pad and op.kind == "avg",
        x.pitch,
        out.pitch,
        work.activation,
        work.act_args,
    )
    kernel, units = pool.pool_kernel(ctx.isa, spec)
    ctx.step(kernel, (out.place, x.place), units, node.path)


def lower_adaptive_pool(ctx: Lowering, node: Node) -> None:
    """As many windows as output pixels; global pooling is one."""
    work = work_of(node)
    op = work.op
    assert isinstance(op, AdaptivePool2d)
    x, out = ctx.nhwc(work.inputs[0]), ctx.new(node.output)
    n, c, h, w = x.shape
    spec = AdaptivePool(
        op.kind, n, c, (h, w), op.size, x.pitch, out.pitch, work.activation, work.act_args
    )
    kernel, units = adaptive_pool_kernel(ctx.isa, spec)
    ctx.step(kernel, (out.place, x.place), units, node.path)


def lower_mean(ctx: Lowering, node: Node) -> None:
    """Average over any axes."""
    op, (name,) = node.op, node.inputs
    assert isinstance(op, Mean)
    x, out = ctx.tensor(name), ctx.new(node.output)
    axes = sorted((axis for axis in op.axes if x.shape[axis] > 1), key=lambda a: -x.strides[a])
    kept = [axis for axis in range(len(x.shape)) if axis not in op.axes]
    # With `keepdim` the output has the averaged axes too, of one element each.
    own = kept if op.keepdim else range(len(kept))
    nest = nest_of(
        [x.shape[axis] for axis in kept],
        [tuple(out.strides[axis] for axis in own), tuple(x.strides[axis] for axis in kept)],
    )
    sizes = tuple(x.shape[axis] for axis in axes) or (1,)
    strides = tuple(x.strides[axis] for axis in axes) or (1,)
    kernel, units = reduce.mean_kernel(ctx.isa, reduce.Mean(nest, sizes, strides))
    ctx.step(kernel, (out.place, x.place), units, node.path)


def lower_softmax(ctx: Lowering, node: Node) -> None:
    """Along any axis."""
    op, (name,) = node.op, node.inputs
    assert isinstance(op, Softmax)
    x = ctx.tensor(name)
    out = ctx.new(node.output, layout=x.layout)
    kept = [axis for axis in range(len(x.shape)) if axis != op.axis]
    nest = nest_of(
        [x.shape[axis] for axis in kept],
        [tuple(tensor.strides[axis] for axis in kept) for tensor in (out, x)],
    )
    strides = out.strides[op.axis], x.strides[op.axis]
    spec = reduce.Softmax(nest, x.shape[op.axis], strides)
    kernel, units = reduce.softmax_kernel(ctx.isa, spec)
    ctx.step(kernel, (out.place, x.place), units, node.path)


def lower_resize(ctx: Lowering, node: Node) -> None:
    """The nearest pixel, or between four."""
    op, (name,) = node.op, node.inputs
    assert isinstance(op, Resize)
    x, out = ctx.nhwc(name), ctx.new(node.output)
    n, c, h, w = x.shape
    rows, columns = (
        taps(op, ratio, size_in, size_out)
        for ratio, size_in, size_out in zip(op.ratios(x.shape), (h, w), op.size, strict=True)
    )
    bilinear = op.mode == "bilinear"
    spec = resize.Resize(n, c, (h, w), rows, columns, bilinear, x.pitch, out.pitch)
    kernel, units = resize.resize_kernel(ctx.isa, spec)
    ctx.step(kernel, (out.place, x.place), units, node.path)


def taps(op: Resize, ratio: float, size_in: int, size_out: int) -> resize.Taps:
    """What the output pixels along one axis read: coordinates in float32, as in torch."""
    scale, half = np.float32(ratio), np.float32(0.5)
    i = np.arange(size_out, dtype=np.float32)
    at = i * scale
    if op.mode != "nearest" and not op.align_corners:
        at = np.maximum((i + half) * scale - half, np.float32(0))
    low = np.minimum(np.floor(at).astype(np.int64), size_in - 1)
    high = np.minimum(low + 1, size_in - 1)
    weight = at - low.astype(np.float32)
    return resize.Taps(tuple(low.tolist()), tuple(high.tolist()), tuple(weight.tolist()))
