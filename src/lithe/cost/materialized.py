"""Which tensors have to exist in memory when several layers run as one operator.

A fused operator keeps what is inside it to itself, so only the tensors that cross from
one operator to another, and what the network returns, must be materialised.
"""

from collections.abc import Callable

from lithe.cost.layers import Layer, layers
from lithe.graph import Graph


def materialized(graph: Graph, operator_of: Callable[[Layer], str]) -> tuple[str, ...]:
    """Names of the tensors that leave the operator which makes them, in order of making.

    `operator_of` names the operator that a layer is a part of. What the network is given
    is not among them.
    """
    parts = layers(graph)
    maker = {part.output: operator_of(part) for part in parts}
    leaving = set(graph.outputs)
    for part in parts:
        leaving |= {name for name in part.inputs if maker.get(name) != operator_of(part)}
    return tuple(part.output for part in parts if part.output in leaving)
