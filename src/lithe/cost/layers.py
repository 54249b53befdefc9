"""A layer: one operator that makes a tensor, and what runs in place behind it.

Batch norm folds into its convolution and an activation overwrites its input, so neither
needs memory or a line of its own in a table. An operator runs in place only where nobody
else needs what it overwrites, under whatever name.
"""

from collections import Counter
from dataclasses import dataclass
from math import prod

from lithe.graph import Graph, Node
from lithe.graph.ops import (
    ALIASES,
    OVERWRITES,
    Attention,
    Conv2d,
    ConvNd,
    ConvTransposed,
    Einsum,
    Fused,
    Linear,
    MatMul,
    Op,
    Unknown,
)

KINDS = ("pointwise", "depthwise", "standard", "grouped", "linear", "matmul", "other", "unknown")


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
        own = {node.output for node in self.nodes}
        return tuple(name for node in self.nodes for name in node.inputs if name not in own)

    @property
    def output(self) -> str:
        """The tensor that other layers read."""
        return self.nodes[-1].output

    @property
    def is_alias(self) -> bool:
        """Whether it makes no tensor: its output is another name for its input's bytes."""
        return isinstance(self.nodes[0].op, ALIASES)


def kind_of(op: Op) -> str:
    """Pointwise, depthwise, grouped or standard convolution, of any rank or transposed.

    `linear` is a product with a constant, `matmul` one of tensors that both depend on the
    input, as in attention; everything else that is understood is `other`.
    """
    match op:
        case Fused(op=inner):
            return kind_of(inner)
        case Conv2d() | ConvNd() | ConvTransposed():
            if op.groups == 1:
                return "pointwise" if prod(op.kernel) == 1 else "standard"
            return "depthwise" if op.groups == op.c_in else "grouped"
        case Linear():
            return "linear"
        case MatMul() | Attention() | Einsum():
            return "linear" if op.operands.count(None) == 1 else "matmul"
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
        if layer is not None and readers[source] == 1 and _joins(graph, layer[0], node):
            del ends_at[source]
            layer.append(node)
        else:
            layer = [node]
            gathered.append(layer)
        ends_at[node.output] = layer
    return tuple(Layer(tuple(nodes)) for nodes in gathered)


def _joins(graph: Graph, first: Node, node: Node) -> bool:
    if isinstance(node.op, ALIASES):
        # A slice is a layer of its own: behind it the layer's buffer would look too small.
        return prod(graph.shapes[node.output]) == prod(graph.shapes[node.inputs[0]])
    # A layer that begins with an alias has no tensor of its own to overwrite.
    return isinstance(node.op, OVERWRITES) and not isinstance(first.op, ALIASES)
