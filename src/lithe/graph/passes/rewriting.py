"""What passes are made of: who reads a tensor, and a model from a changed list of nodes."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from lithe.graph.graph import Graph, Node
from lithe.graph.model import Array, Model
from lithe.graph.ops import Shape


def read_counts(graph: Graph) -> Counter[str]:
    """How often each tensor is read; being an output of the graph counts as once."""
    counts = Counter(name for node in graph.nodes for name in node.inputs)
    counts.update(graph.outputs)
    return counts


def rebuilt(
    model: Model,
    nodes: Iterable[Node],
    renamed: Mapping[str, str] | None = None,
    added: Mapping[str, Array] | None = None,
) -> Model:
    """The model with other nodes, in an order in which they can run.

    `renamed` tensors are read under their new names. `added` are arrays that nodes newly
    read. Nodes and arrays that nothing needs any more are left out; shapes are worked out
    anew.
    """
    graph = model.graph
    renamed = renamed or {}
    values = {**model.values, **(added or {})}
    outputs = tuple(_latest(name, renamed) for name in graph.outputs)
    kept = _read(
        [
            replace(node, inputs=tuple(_latest(name, renamed) for name in node.inputs))
            for node in nodes
        ],
        outputs,
    )
    shapes = {name: graph.shapes[name] for name in graph.inputs}
    weights: dict[str, Shape] = {}
    for node in kept:
        shapes[node.output] = node.op.shape(*(shapes[name] for name in node.inputs))
        weights |= {name: graph.weights[name] for name in (*node.params, *node.buffers)}
        weights |= {name: values[name].shape for name in node.constants}
    return Model(
        Graph(graph.inputs, outputs, kept, shapes, weights),
        {name: values[name] for node in kept for name in node.constants},
    )


def _latest(name: str, renamed: Mapping[str, str]) -> str:
    while name in renamed:
        name = renamed[name]
    return name


def _read(nodes: list[Node], outputs: tuple[str, ...]) -> tuple[Node, ...]:
    """The nodes that an output depends on."""
    needed, kept = set(outputs), []
    for node in reversed(nodes):
        if node.output in needed:
            needed.update(node.inputs)
            kept.append(node)
    return tuple(reversed(kept))
