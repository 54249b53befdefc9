"""What a layer does beside its MACs: other operations, elements read, weights read.

Layers run one after the other, so each reads its inputs from memory and writes its output
back. A batch norm that folds into the layer before it is no work and leaves only a bias.
"""

from collections.abc import Mapping
from math import prod

from lithe.cost.layers import Layer
from lithe.graph import Graph, Node
from lithe.graph.ops import ALIASES, CONVOLUTIONS, BatchNorm, Linear, Op


def other_ops(graph: Graph, layer: Layer) -> int:
    """Operations on elements that are no MACs, without those of a folded batch norm."""
    return sum(
        node.op.other_ops(*(graph.shapes[tensor] for tensor in node.inputs))
        for node in _kept(graph, layer)
    )


def read_elements(graph: Graph, layer: Layer, owners: Mapping[str, str]) -> int:
    """Elements of the tensors that a layer reads from others, each tensor once.

    Of a view no more than there are in the tensor behind it, one of `owners`: an `Expand`
    shows the same ones again and again.
    """
    if layer.is_alias:
        return 0
    return sum(
        min(prod(graph.shapes[tensor]), prod(graph.shapes[owners.get(tensor, tensor)]))
        for tensor in set(layer.inputs)
    )


def owners_of(graph: Graph) -> dict[str, str]:
    """The tensor that holds the bytes of each view."""
    owners: dict[str, str] = {}
    for node in graph.nodes:
        if isinstance(node.op, ALIASES):
            owners[node.output] = owners.get(node.inputs[0], node.inputs[0])
    return owners


def weight_elements(graph: Graph, layer: Layer) -> int:
    """Elements of the constants that a layer reads, each once, as they are after folding.

    A batch norm by itself reads a scale and a shift for each channel.
    """
    if layer.is_alias:
        return 0
    kept = _kept(graph, layer)
    norms = [node for node in kept if isinstance(node.op, BatchNorm)]
    read = {name for node in kept if node not in norms for name in node.constants}
    elements = sum(prod(graph.weights[name]) for name in read)
    elements += sum(2 * node.op.c for node in norms if isinstance(node.op, BatchNorm))
    first = layer.nodes[0].op
    if len(kept) < len(layer.nodes) and isinstance(first, (*CONVOLUTIONS, Linear)):
        elements += 0 if first.bias else first.c_out
    return elements


def _kept(graph: Graph, layer: Layer) -> list[Node]:
    """The nodes of a layer without the batch norms that fold into its first one."""
    first, *rest = layer.nodes
    if not _takes_batch_norm(first.op, len(graph.shapes[first.output])):
        return list(layer.nodes)
    folding = True
    kept = [first]
    for node in rest:
        folding = folding and isinstance(node.op, BatchNorm)
        kept += [] if folding else [node]
    return kept


def _takes_batch_norm(op: Op, axes: int) -> bool:
    # A linear layer makes its channels the last axis, and batch norm's is axis 1.
    return isinstance(op, CONVOLUTIONS) or (isinstance(op, Linear) and axes == 2)
