"""Which tensors have to exist in memory when several layers run as one operator.

A fused operator keeps what is inside it to itself, so only the tensors that cross from
one operator to another, and what the network returns, must be materialised.
"""

from collections.abc import Callable, Mapping
from math import prod
from typing import TypeVar

from lithe.cost.layers import Layer, layers
from lithe.graph import Graph
from lithe.graph.ops import Shape

Name = TypeVar("Name")


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


def largest_at_each_size(shapes: Mapping[Name, Shape]) -> dict[tuple[int, int], Name]:
    """The largest of these tensors at each height and width, the first of several as large.

    What is no image (rank other than 4) counts as one pixel, (1, 1).
    """
    largest: dict[tuple[int, int], Name] = {}
    for name, shape in shapes.items():
        side = (shape[2], shape[3]) if len(shape) == 4 else (1, 1)
        if side not in largest or prod(shape) > prod(shapes[largest[side]]):
            largest[side] = name
    return largest
