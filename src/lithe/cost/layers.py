"""A layer: one operator that makes a tensor, and what runs in place behind it.

Batch norm folds into its convolution and an activation overwrites its input, so neither
needs memory or a line of its own in a table. An operator reads in place only where nobody
else needs what it overwrites.
"""

from collections import Counter
from dataclasses import dataclass

from lithe.graph import Graph, Node
from lithe.graph.ops import IN_PLACE, Conv2d, Linear, Op, Unknown

KINDS = ("pointwise", "depthwise", "standard", "grouped", "linear", "other", "unknown")


@dataclass(frozen=True, slots=True)
class Layer:
    """The nodes of one layer in order; the first one gives it its name and its kind."""

    nodes: tuple[Node, ...]

    @property
    def path(self) -> str:
        """Module path of the first node, or its output's name where it has none."""
        return self.nodes[0].path or self.nodes[0].output

    @property
    def kind(self) -> str:
        """Which row of the V1 paper's table 2 this is, for any network; one of `KINDS`."""
        return kind_of(self.nodes[0].op)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Tensors read from other layers."""
        return self.nodes[0].inputs

    @property
    def output(self) -> str:
        """The tensor that other layers read."""
        return self.nodes[-1].output


def kind_of(op: Op) -> str:
    """Pointwise, depthwise, grouped or standard convolution; linear; other; unknown."""
    match op:
        case Conv2d(groups=1, kernel=(1, 1)):
            return "pointwise"
        case Conv2d(groups=1):
            return "standard"
        case Conv2d(c_in=c, groups=groups):
            return "depthwise" if groups == c else "grouped"
        case Linear():
            return "linear"
        case Unknown():
            return "unknown"
        case _:
            return "other"


def layers(graph: Graph) -> tuple[Layer, ...]:
    """The graph's nodes gathered into layers, in order of processing."""
    readers = Counter(tensor for node in graph.nodes for tensor in node.inputs)
    readers.update(graph.outputs)
    gathered: list[list[Node]] = []
    ends_at: dict[str, list[Node]] = {}  # the tensor that a layer ends with so far
    for node in graph.nodes:
        source = node.inputs[0] if node.inputs else ""
        layer = ends_at.get(source)
        if isinstance(node.op, IN_PLACE) and layer is not None and readers[source] == 1:
            del ends_at[source]
            layer.append(node)
        else:
            layer = [node]
            gathered.append(layer)
        ends_at[node.output] = layer
    return tuple(Layer(tuple(nodes)) for nodes in gathered)
