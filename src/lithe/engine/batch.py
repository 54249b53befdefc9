"""The same network for another batch size, where no sample has a part in another's output."""

from dataclasses import replace

from lithe.errors import LitheError
from lithe.graph.graph import Graph, Node
from lithe.graph.model import Model
from lithe.graph.ops import (
    Activation,
    AdaptivePool2d,
    BatchNorm,
    Binary,
    ChannelShuffle,
    Concat,
    Conv2d,
    Copy,
    Dropout,
    Flatten,
    Fused,
    Linear,
    Mean,
    Pad,
    Pool2d,
    Reshape,
    Resize,
    Shape,
    Slice,
    Softmax,
    Transpose,
)

# Operators that never look from one sample at another.
_ALONE = (
    Activation, AdaptivePool2d, BatchNorm, ChannelShuffle, Conv2d, Copy, Dropout, Pad, Pool2d,
    Reshape, Resize,
)  # fmt: skip


def batch_of(graph: Graph) -> int:
    """The batch size of a network: the first axis of its first input."""
    shape = graph.shapes[graph.inputs[0]] if graph.inputs else ()
    return shape[0] if shape else 1


def mixes_samples(graph: Graph) -> str:
    """Where the network's samples meet, or its first axis is no batch; nothing if nowhere."""
    batch = batch_of(graph)
    for name in (*graph.inputs, *graph.outputs):
        shape = graph.shapes[name]
        if len(shape) < 2 or shape[0] != batch:
            return f"{name} has shape {shape}, without an axis for {batch} samples"
    for node in graph.nodes:
        shapes = [graph.shapes[name] for name in node.inputs]
        if not _keeps(node, shapes, graph, batch):
            return f"{node.path or node.output} ({type(node.op).__name__}) does not keep them apart"
    return ""


def with_batch(model: Model, batch: int) -> Model:
    """The model for `batch` samples at once.

    Raises:
        LitheError: the network mixes its samples.
    """
    graph = model.graph
    if batch == batch_of(graph):
        return model
    where = mixes_samples(graph)
    if where:
        raise LitheError(f"a network for one batch size only: {where}")
    shapes = {name: (batch, *graph.shapes[name][1:]) for name in graph.inputs}
    nodes = []
    for node in graph.nodes:
        if isinstance(node.op, Reshape | Copy):
            node = replace(node, op=replace(node.op, out=(batch, *node.op.out[1:])))
        shapes[node.output] = (batch, *graph.shapes[node.output][1:])
        nodes.append(node)
    return Model(
        Graph(graph.inputs, graph.outputs, tuple(nodes), shapes, graph.weights), model.values
    )


def _keeps(node: Node, shapes: list[Shape], graph: Graph, batch: int) -> bool:
    """Whether sample i of the output is made of samples i only, for every i."""
    if any(not shape or shape[0] != batch for shape in shapes):
        return False
    if graph.shapes[node.output][:1] != (batch,):
        return False
    match node.op.op if isinstance(node.op, Fused) else node.op:
        case Concat(axis=axis) | Slice(axis=axis) | Softmax(axis=axis):
            return axis != 0
        case Mean(axes=axes):
            return 0 not in axes
        case Transpose(axes=axes):
            return axes[0] == 0
        case Flatten(start=start):
            return start > 0
        case Linear():
            return len(shapes[0]) > 1
        case Binary():
            ranks = {len(shape) for shape in shapes}
            # A constant as tall as the batch has a row for each sample.
            constants = [graph.weights[name] for name in node.constants]
            rows = [shape[0] for shape in constants if len(shape) >= max(ranks)]
            return len(ranks) == 1 and all(row == 1 for row in rows)
        case op:
            return isinstance(op, _ALONE)
