"""The peak of live activation bytes when layers run one after the other.

A tensor lives from the layer that makes it to the last layer that reads it; what the
network is given lives from the start, what it returns lives to the end. Weights are not
counted. Layers are those of `lithe.cost.layers`, so batch norm is folded and activations
run in place.
"""

from dataclasses import dataclass
from math import prod

from lithe.cost.layers import Layer
from lithe.graph import Graph


@dataclass(frozen=True, slots=True)
class Lifetime:
    """One buffer: tensor name, size in bytes, first and last layer that need it."""

    tensor: str
    bytes: int
    first: int
    last: int


def lifetimes(
    graph: Graph, layers: tuple[Layer, ...], bytes_per_element: int
) -> tuple[Lifetime, ...]:
    """One lifetime per buffer in the order in which they are made.

    Layer indices count from 0; the network's inputs are there from layer 0 on.
    """
    owner: dict[str, str] = {tensor: tensor for tensor in graph.inputs}
    first = dict.fromkeys(graph.inputs, 0)
    last = dict.fromkeys(graph.inputs, 0)
    for index, layer in enumerate(layers):
        for tensor in layer.inputs:
            last[owner[tensor]] = index
        buffer = owner[layer.inputs[0]] if layer.is_alias else layer.output
        owner[layer.output] = buffer
        first.setdefault(buffer, index)
        last[buffer] = index
    for tensor in graph.outputs:
        last[owner[tensor]] = max(len(layers) - 1, 0)
    return tuple(
        Lifetime(
            tensor, prod(graph.shapes[tensor]) * bytes_per_element, first[tensor], last[tensor]
        )
        for tensor in first
    )


def live_bytes(buffers: tuple[Lifetime, ...], steps: int) -> tuple[int, ...]:
    """Bytes alive while each of `steps` layers runs, its inputs and its output included.

    A network without a layer has one step, in which it holds what it is given.
    """
    steps = max(steps, 1)
    change = [0] * (steps + 1)
    for buffer in buffers:
        change[buffer.first] += buffer.bytes
        change[buffer.last + 1] -= buffer.bytes
    alive, result = 0, []
    for step in range(steps):
        alive += change[step]
        result.append(alive)
    return tuple(result)
