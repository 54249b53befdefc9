"""Operators that give back what they are given go; those that say it twice say it once."""

from dataclasses import replace

from lithe.graph.graph import Node
from lithe.graph.model import Model
from lithe.graph.ops import (
    Activation,
    AdaptivePool2d,
    Concat,
    Copy,
    Dropout,
    Flatten,
    Mean,
    Op,
    Pad,
    Pool2d,
    Reshape,
    Shape,
    Slice,
    Transpose,
)
from lithe.graph.passes.rewriting import rebuilt


def drop_no_ops(model: Model) -> Model:
    """The same model without operators that change nothing, and with one word for each thing.

    Tensors are values here: a copy is its original, and flattening is reshaping. A reshape
    of a reshape is one. Averaging over the image is pooling.
    """
    graph = model.graph
    nodes: list[Node] = []
    renamed: dict[str, str] = {}
    reshaped: dict[str, str] = {}  # what a reshape made, and the tensor whose elements these are
    shapes = dict(graph.shapes)
    for node in graph.nodes:
        inputs = tuple(renamed.get(name, name) for name in node.inputs)
        shape, out = shapes[inputs[0]] if inputs else (), shapes[node.output]
        if _changes_nothing(node.op, tuple(shapes[name] for name in inputs)):
            renamed[node.output] = inputs[0]
            continue
        op = _plain(node.op, shape, out)
        if isinstance(op, Mean) and len(shape) == 4 and op.axes == (2, 3):
            if shape[2:] != (1, 1):
                pooled = f"{node.output}:pooled"
                shapes[pooled] = (*shape[:2], 1, 1)
                nodes.append(replace(node, op=AdaptivePool2d(), inputs=inputs, output=pooled))
                inputs = (pooled,)
            op = Reshape(out)
        if isinstance(op, Reshape):
            source = reshaped.get(inputs[0], inputs[0])
            reshaped[node.output] = source
            inputs = (source,)
            if shapes[source] == out:
                renamed[node.output] = source
                continue
        nodes.append(replace(node, op=op, inputs=inputs))
    return rebuilt(model, nodes, renamed)


def _changes_nothing(op: Op, inputs: tuple[Shape, ...]) -> bool:
    match op:
        case Dropout() | Activation(kind="mul_constant" | "div_constant", args=(1.0,)):
            return True
        case Slice(axis=axis, start=0, stop=stop, step=1):
            return stop == inputs[0][axis]
        case Transpose(axes=axes):
            return axes == tuple(range(len(axes)))
        case Pad():
            return (op.left, op.right, op.top, op.bottom) == (0, 0, 0, 0)
        case Concat(operands=()):
            return len(inputs) == 1
        case Pool2d(kernel=(1, 1), stride=(1, 1), padding=(0, 0)):
            return True
        case Mean(axes=axes, keepdim=True):
            return all(inputs[0][axis] == 1 for axis in axes)
        case AdaptivePool2d(size=size):
            return inputs[0][2:] == size
        case _:
            return False


def _plain(op: Op, shape: Shape, out: Shape) -> Op:
    match op:
        case Copy() | Flatten():
            return Reshape(out)
        case Transpose(axes=axes):
            # Moving axes of one element around leaves all others in order.
            order = [axis for axis in axes if shape[axis] != 1]
            return Reshape(out) if order == sorted(order) else op
        case Mean(axes=axes, keepdim=True) if len(shape) == 4 and axes == (2, 3):
            return AdaptivePool2d()
        case _:
            return op
