"""Reshape, transpose, reshape: a channel shuffle in three operators becomes one."""

from dataclasses import replace

from lithe.graph.graph import Node
from lithe.graph.model import Model
from lithe.graph.ops import ChannelShuffle, Reshape, Transpose
from lithe.graph.passes.rewriting import read_counts, rebuilt


def recognise_shuffle(model: Model) -> Model:
    """(n, c, ...) -> (n, g, c / g, ...) -> (n, c / g, g, ...) -> (n, c, ...) as one operator.

    To be run after `drop_no_ops`, which leaves no copy in between.
    """
    graph = model.graph
    counts = read_counts(graph)
    made_by = {node.output: node for node in graph.nodes}

    def only(node: Node) -> Node | None:
        """The node that makes the input of `node`, if nobody else reads that."""
        name = node.inputs[0] if len(node.inputs) == 1 else ""
        return made_by.get(name) if counts[name] == 1 else None

    nodes = []
    for node in graph.nodes:
        middle = only(node) if isinstance(node.op, Reshape) else None
        first = only(middle) if middle and isinstance(middle.op, Transpose) else None
        if middle and first and isinstance(first.op, Reshape):
            shape, grouped = graph.shapes[first.inputs[0]], graph.shapes[first.output]
            swapped = (0, 2, 1, *range(3, len(grouped)))
            if (
                len(grouped) == len(shape) + 1
                and (grouped[0], *grouped[3:]) == (shape[0], *shape[2:])
                and middle.op == Transpose(swapped)
                and graph.shapes[node.output] == shape
            ):
                node = replace(node, op=ChannelShuffle(grouped[1]), inputs=first.inputs)
        nodes.append(node)
    return rebuilt(model, nodes)
