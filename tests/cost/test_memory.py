"""Live bytes against two brute-force simulations that share no code with them."""

from collections import Counter
from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lithe.cost import cost, layers, lifetimes, live_bytes
from lithe.graph import Graph, GraphBuilder
from lithe.graph.ops import (
    Activation,
    BatchNorm,
    Binary,
    Concat,
    Conv2d,
    Copy,
    Dropout,
    Flatten,
    Linear,
    Op,
    Reshape,
    Shape,
    Slice,
    Unknown,
)

BYTES = 4


def _fitting(shape: Shape, width: int) -> list[Op]:
    """Operators of one input that take this shape; `width` varies what they make."""
    whole: list[Op] = [
        Activation("relu"),
        BatchNorm(shape[1]),
        Dropout(),
        Flatten(),
        Reshape((1, prod(shape))),
        Slice(1, 0, 1),
        Copy(shape),
        Unknown("aten.softmax.int", (1, width)),
    ]
    if len(shape) == 4:
        return [*whole, Conv2d(shape[1], width, (1, 1))]
    return [*whole, Linear(shape[1], width)]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    builder = GraphBuilder()
    tensors = [builder.input((1, draw(st.integers(1, 3)), 2, 2))]
    if draw(st.booleans()):
        tensors.append(builder.input((1, 2, 2, 2)))
    for _ in range(draw(st.integers(1, 14))):
        source = draw(st.sampled_from(tensors))
        shape = builder.shape(source)
        others = [name for name in tensors if builder.shape(name) == shape]
        match draw(st.sampled_from(["one", "one", "one", "add", "concat"])):
            case "one":
                op = draw(st.sampled_from(_fitting(shape, draw(st.integers(1, 4)))))
                tensors.append(builder.add(op, source))
            case "add":
                tensors.append(builder.add(Binary("add"), source, draw(st.sampled_from(others))))
            case _:
                tensors.append(builder.add(Concat(), source, draw(st.sampled_from(others))))
    chosen = draw(st.lists(st.sampled_from(tensors), min_size=1, unique=True))
    graph = builder.build(*chosen)
    read = {name for node in graph.nodes for name in node.inputs}
    unread = [name for name in tensors if name not in read and name not in chosen]
    return builder.build(*chosen, *unread)


class _Buffer:
    def __init__(self, size: int, made_at: int) -> None:
        self.size, self.made_at, self.version = size, made_at, 0
        self.read_at: list[int] = []


@given(graphs())
@settings(max_examples=200)
def test_no_layer_reads_what_another_has_overwritten_and_live_bytes_are_exact(
    graph: Graph,
) -> None:
    """Runs the layers on buffers with version numbers: a stale read is a failure."""
    parts = layers(graph)
    assert [node for part in parts for node in part.nodes if node not in graph.nodes] == []
    assert sum(len(part.nodes) for part in parts) == len(graph.nodes)
    buffers = {name: _Buffer(prod(graph.shapes[name]) * BYTES, 0) for name in graph.inputs}
    given_buffers = list(buffers.values())
    where = {name: (buffer, 0) for name, buffer in buffers.items()}
    made = list(buffers.values())
    for step, part in enumerate(parts):
        for position, node in enumerate(part.nodes):
            for name in node.inputs:
                buffer, version = where[name]
                assert buffer.version == version, f"{name} was overwritten before it was read"
                buffer.read_at.append(step)
            if isinstance(node.op, Flatten | Dropout | Reshape | Slice):
                where[node.output] = where[node.inputs[0]]
            elif position > 0:
                buffer, _ = where[node.inputs[0]]
                assert isinstance(node.op, Activation | BatchNorm)
                assert prod(graph.shapes[node.output]) * BYTES == buffer.size
                buffer.version += 1
                where[node.output] = buffer, buffer.version
            else:
                size = prod(graph.shapes[part.output]) * BYTES
                made.append(_Buffer(size, step))
                where[node.output] = made[-1], 0
            where[node.output][0].read_at.append(step)
    for name in graph.outputs:
        buffer, version = where[name]
        assert buffer.version == version, f"output {name} was overwritten"
        buffer.read_at.append(len(parts) - 1)
    assert all(buffer.version == 0 for buffer in given_buffers), "an input was overwritten"

    expected = [
        sum(b.size for b in made if b.made_at <= step <= max(b.read_at, default=0))
        for step in range(len(parts))
    ]
    assert list(live_bytes(lifetimes(graph, parts, BYTES), len(parts))) == expected


@given(graphs())
@settings(max_examples=200)
def test_the_peak_is_that_of_a_simulation_which_knows_nothing_of_layers(graph: Graph) -> None:
    """Node by node: whoever is the only reader of a whole tensor may overwrite it."""
    readers = Counter(name for node in graph.nodes for name in node.inputs)
    readers.update(graph.outputs)
    buffer_of = {name: name for name in graph.inputs}
    size = {name: prod(graph.shapes[name]) for name in graph.inputs}
    made_at = dict.fromkeys(graph.inputs, 0)
    for step, node in enumerate(graph.nodes):
        source = buffer_of[node.inputs[0]]
        names = [name for name, buffer in buffer_of.items() if buffer == source]
        alone = (
            source not in graph.inputs
            and all(readers[name] == 1 for name in names)
            and all(prod(graph.shapes[name]) == size[source] for name in names)
        )
        if isinstance(node.op, Flatten | Dropout | Reshape | Slice) or (
            isinstance(node.op, Activation | BatchNorm) and alone
        ):
            buffer_of[node.output] = source
        else:
            buffer_of[node.output] = node.output
            size[node.output] = prod(graph.shapes[node.output])
            made_at[node.output] = step

    def needed_until(buffer: str) -> int:
        names = {name for name, owner in buffer_of.items() if owner == buffer}
        if names & set(graph.outputs):
            return len(graph.nodes) - 1
        reads = [i for i, node in enumerate(graph.nodes) if names & set(node.inputs)]
        return max([made_at[buffer], *reads])

    peak = max(
        sum(size[b] for b in size if made_at[b] <= step <= needed_until(b))
        for step in range(len(graph.nodes))
    )
    assert cost(graph, BYTES).peak_activation_bytes == peak * BYTES


def test_an_activation_behind_an_alias_does_not_overwrite_what_others_read() -> None:
    builder = GraphBuilder()
    x = builder.input((1, 4, 8, 8))
    y = builder.add(Conv2d(4, 4, (1, 1)), x)
    flat = builder.add(Flatten(), y)
    active = builder.add(Activation("relu"), flat)
    head = builder.add(Linear(256, 1), active)
    other = builder.add(Conv2d(4, 4, (1, 1)), y)
    found = cost(builder.build(head, other), 1)
    assert [row.op for row in found.layers] == ["conv 1x1", "flatten", "relu", "linear", "conv 1x1"]
    assert [row.activation_bytes for row in found.layers] == [256, 0, 256, 1, 256]
    assert [row.live_bytes for row in found.layers] == [512, 256, 512, 513, 513]


@pytest.mark.parametrize("op", [Activation("relu"), BatchNorm(4)])
def test_the_callers_input_is_never_overwritten(op: Op) -> None:
    builder = GraphBuilder()
    x = builder.input((1, 4, 8, 8))
    found = cost(builder.build(builder.add(op, x)), 1)
    assert found.peak_activation_bytes == 512


def test_a_residual_input_lives_until_the_addition() -> None:
    builder = GraphBuilder()
    x = builder.input((1, 1, 1, 10))
    y = builder.add(Conv2d(1, 3, (1, 1)), x)
    z = builder.add(Conv2d(3, 1, (1, 1)), y)
    found = cost(builder.build(builder.add(Binary("add"), x, z)), 1)
    assert [row.live_bytes for row in found.layers] == [40, 50, 30]


def test_a_slice_keeps_the_whole_tensor_alive() -> None:
    builder = GraphBuilder()
    x = builder.input((1, 1, 1, 10))
    y = builder.add(Conv2d(1, 4, (1, 1)), x)
    half = builder.add(Slice(1, 0, 2), y)
    active = builder.add(Activation("relu"), half)
    found = cost(builder.build(active), 1)
    assert [row.live_bytes for row in found.layers] == [50, 40, 60]


def test_a_network_that_does_nothing_holds_what_it_is_given() -> None:
    builder = GraphBuilder()
    x = builder.input((1, 3, 4, 4))
    found = cost(builder.build(x))
    assert (found.macs, found.peak_activation_bytes, found.layers) == (0, 192, ())
