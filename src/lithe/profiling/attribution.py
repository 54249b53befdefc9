"""Whose work a step of the engine does: its layers, and the bytes that have to cross it.

The engine simplifies a network before it makes steps of it, so a step names nodes of another
graph than the layers do. Passes keep names: a node that has taken others in writes the tensor
that the last of them wrote. A tensor that is no longer there was taken in by what reads it.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from math import prod

from lithe.cost import Layer
from lithe.engine.network import ScheduleStep
from lithe.graph import Graph, Node
from lithe.graph.ops import Shape

BYTES_PER_ELEMENT = 4  # the engine computes in float32


def layers_of_steps(
    graph: Graph, layers: Sequence[Layer], simplified: Graph, steps: Sequence[ScheduleStep]
) -> tuple[tuple[int, ...], ...]:
    """For every step the indices of the layers whose work it does, in order.

    A layer of which nothing is left in the simplified graph belongs to the step that makes
    the first tensor down its readers that is there, else up what it reads. One that the
    engine does without a step (a view, a concatenation in place), and one that no output
    depends on, belongs to none.
    """
    by_node: dict[str, set[int]] = defaultdict(set)
    for index, step in enumerate(steps):
        for name in step.nodes:
            by_node[name].add(index)
    # A pass that needs a second tensor calls it "original:what".
    made: dict[str, set[int]] = defaultdict(set)
    for node in simplified.nodes:
        for name in {node.output, node.output.partition(":")[0]}:
            made[name] |= by_node.get(node.output, set())
    sources = {node.output: node.inputs for node in graph.nodes}
    readers: dict[str, list[str]] = defaultdict(list)
    for node in graph.nodes:
        for name in node.inputs:
            readers[name].append(node.output)
    found: list[list[int]] = [[] for _ in steps]
    for index, layer in enumerate(layers):
        names = [node.output for node in layer.nodes if node.output in made]
        names = names or _nearest(layer.output, readers, made)
        if not names and layer.output in graph.outputs:
            names = _nearest(layer.output, sources, made)
        for at in sorted({at for name in names for at in made[name]}):
            found[at].append(index)
    return tuple(map(tuple, found))


def _nearest(
    start: str, ahead: Mapping[str, Sequence[str]], there: Mapping[str, object]
) -> list[str]:
    """The first tensor that is there, on every way ahead."""
    todo, seen, found = [start], {start}, []
    while todo:
        name = todo.pop(0)
        if name in there:
            found.append(name)
            continue
        new = [each for each in ahead.get(name, ()) if each not in seen]
        seen.update(new)
        todo += new
    return found


def moved_bytes_of_steps(simplified: Graph, steps: Sequence[ScheduleStep]) -> tuple[int, ...]:
    """For every step the bytes of the tensors and the weights that have to cross it.

    What is read from outside counts once, what others read or the network returns once,
    weights once; what stays inside counts nothing. Of several steps for the same nodes the
    last does the work: those before only bring what it reads into another layout.
    """
    nodes = {node.output: node for node in simplified.nodes}
    readers = _read_by(simplified.nodes)
    readers.update(set(simplified.outputs))
    last = {step.nodes: index for index, step in enumerate(steps)}
    copies = sum(not step.nodes for step in steps)
    returned = sum(_bytes(simplified.shapes[name]) for name in simplified.outputs)
    result = []
    for index, step in enumerate(steps):
        group = [nodes[name] for name in step.nodes]
        read, written, weights = _crossing(simplified, group, readers)
        if not step.nodes:  # brings an output to where the caller wants it
            result.append(2 * returned // copies)
        elif last[step.nodes] == index:
            result.append(read + written + weights)
        else:
            result.append(2 * read)
    return tuple(result)


def _read_by(nodes: Sequence[Node]) -> Counter[str]:
    """How many of these nodes read each tensor."""
    return Counter(name for node in nodes for name in set(node.inputs))


def _crossing(
    graph: Graph, group: Sequence[Node], readers: Mapping[str, int]
) -> tuple[int, int, int]:
    """Bytes read, bytes written, bytes of weights."""
    inside = _read_by(group)
    own = {node.output for node in group}
    written = {name for name in own if readers[name] > inside[name]}
    weights = {name for node in group for name in node.constants}
    return (
        sum(_bytes(graph.shapes[name]) for name in inside.keys() - own),
        sum(_bytes(graph.shapes[name]) for name in written),
        sum(_bytes(graph.weights[name]) for name in weights),
    )


def _bytes(shape: Shape) -> int:
    return prod(shape) * BYTES_PER_ELEMENT
