"""An activation becomes the last thing that the operator before it does to its output."""

from dataclasses import replace

from lithe.graph.graph import Node
from lithe.graph.model import Model
from lithe.graph.ops import (
    PRELU,
    Activation,
    AdaptivePool2d,
    BatchNorm,
    Binary,
    Conv2d,
    Fused,
    Linear,
    Op,
    Pool2d,
)
from lithe.graph.passes.rewriting import read_counts, rebuilt

PRODUCERS = (Conv2d, Linear, BatchNorm, Binary, Pool2d, AdaptivePool2d)


def fuse_activation(model: Model) -> Model:
    """act(op(x)) as one operator, where nobody else reads op(x).

    An activation that reads an array (`prelu`) stays on its own.
    """
    counts = read_counts(model.graph)
    nodes: list[Node] = []
    place: dict[str, int] = {}
    for node in model.graph.nodes:
        source = node.inputs[0] if node.inputs else ""
        if (
            isinstance(node.op, Activation)
            and node.op.kind != PRELU
            and counts[source] == 1
            and source in place
            and _takes(nodes[place[source]].op)
        ):
            producer = nodes[place[source]]
            op = producer.op
            fused = (
                replace(op, activation=node.op)
                if isinstance(op, Fused)
                else Fused(op, activation=node.op)
            )
            place[node.output] = place.pop(source)
            nodes[place[node.output]] = replace(producer, op=fused, output=node.output)
            continue
        place[node.output] = len(nodes)
        nodes.append(node)
    return rebuilt(model, nodes)


def _takes(op: Op) -> bool:
    return isinstance(op, PRODUCERS) or (isinstance(op, Fused) and op.activation is None)
