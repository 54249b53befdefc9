"""Every layer's work is some step's, and a step is charged with what has to cross it."""

from collections import Counter
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from tests.graph.networks import models

from lithe.arch import architecture
from lithe.cost import Layer, cost, layers
from lithe.engine.lower.lower import lower
from lithe.engine.network import ScheduleStep
from lithe.engine.target import instruction_set
from lithe.graph import Graph, GraphBuilder, Model
from lithe.graph.capture import capture_model
from lithe.graph.ops import (
    Activation,
    AdaptivePool2d,
    BatchNorm,
    Binary,
    Conv2d,
    Copy,
    Dropout,
    Mean,
    Op,
    Pad,
    Reshape,
    Shape,
    Transpose,
)
from lithe.graph.passes import simplify
from lithe.nets.build import build
from lithe.nets.torchvision_compat import models as torchvision_models
from lithe.profiling.attribution import layers_of_steps, moved_bytes_of_steps


def _steps(simplified: Model) -> tuple[ScheduleStep, ...]:
    program = lower(simplified, instruction_set(None), 1)
    return tuple(
        ScheduleStep(s.label, s.kernel.name, s.units, s.macs, s.nodes) for s in program.steps
    )


def _reached(graph: Graph) -> set[str]:
    """Tensors that an output depends on."""
    sources = {node.output: node.inputs for node in graph.nodes}
    todo, found = list(graph.outputs), set(graph.outputs)
    while todo:
        new = [name for name in sources.get(todo.pop(), ()) if name not in found]
        found.update(new)
        todo += new
    return found


def _check(model: Model) -> tuple[tuple[Layer, ...], tuple[tuple[int, ...], ...]]:
    simplified = simplify(model)
    steps, parts = _steps(simplified), layers(model.graph)
    named = layers_of_steps(model.graph, parts, simplified.graph, steps)
    times = Counter(index for each in named for index in each)
    macs = [row.macs for row in cost(model.graph).layers]
    reached = _reached(model.graph)
    for index, part in enumerate(parts):
        if macs[index] and part.output in reached:
            assert times[index], f"{part.path} is no step's work"
    for step, indices in zip(steps, named, strict=True):
        assert list(indices) == sorted(set(indices))
        if all(times[index] == 1 for index in indices):
            assert step.macs == sum(macs[index] for index in indices), step
    _check_bytes(simplified.graph, steps)
    return parts, named


def _check_bytes(graph: Graph, steps: tuple[ScheduleStep, ...]) -> None:
    """Counted tensor by tensor: who makes it, who reads it, whether that is one step."""
    moved = moved_bytes_of_steps(graph, steps)
    alone = Counter(step.nodes for step in steps)
    own = {node.output: node for node in graph.nodes}
    for step, bytes_ in zip(steps, moved, strict=True):
        assert bytes_ > 0, step
        if not step.nodes or alone[step.nodes] > 1:
            continue
        expected = 0
        for tensor, shape in graph.shapes.items():
            readers = {node.output for node in graph.nodes if tensor in node.inputs}
            if tensor in graph.outputs:
                readers.add("the caller")
            made_here = tensor in step.nodes
            read_here = bool(readers & set(step.nodes))
            if (made_here and readers - set(step.nodes)) or (read_here and not made_here):
                expected += 4 * prod(shape)
        constants = {name for output in step.nodes for name in own[output].constants}
        assert bytes_ == expected + sum(4 * prod(graph.weights[name]) for name in constants)


@settings(max_examples=150)
@given(models())
def test_random_networks(model: Model) -> None:
    _check(model)


class _Steps:
    """A network written by hand, and its simplified graph lowered."""

    def __init__(self) -> None:
        self.graph = GraphBuilder()
        self.values: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]] = {}

    def add(self, op: Op, *inputs: str, path: str = "") -> str:
        params: dict[str, Shape] = {}
        match op:
            case Conv2d():
                params[f"{path}.weight"] = (op.c_out, op.c_in // op.groups, *op.kernel)
            case BatchNorm():
                params = {f"{path}.{i}": (op.c,) for i in range(4)}
        self.values |= {name: np.ones(shape, np.float32) for name, shape in params.items()}
        return self.graph.add(op, *inputs, path=path, params=params)

    def named(self, *outputs: str) -> list[list[str]]:
        """Paths of the layers of each step."""
        parts, found = _check(Model(self.graph.build(*outputs), self.values))
        return [[parts[index].path for index in each] for each in found]


def test_what_a_residual_takes_in_is_its_step() -> None:
    net = _Steps()
    x = net.add(Conv2d(3, 8, (3, 3), (1, 1), (1, 1), bias=False), net.graph.input((1, 3, 40, 40)),
                path="stem")  # fmt: skip
    y = net.add(Conv2d(8, 8, (3, 3), (1, 1), (1, 1), bias=False), x, path="conv")
    y = net.add(BatchNorm(8), y, path="norm")
    y = net.add(Binary("add"), x, y, path="add")
    y = net.add(Activation("relu"), y, path="relu")
    assert net.named(y) == [["stem"], ["conv", "add"], []]  # the last one is a copy


def test_what_is_dropped_or_folded_belongs_to_what_reads_it() -> None:
    net = _Steps()
    x = net.graph.input((1, 8, 6, 6))
    y = net.add(Pad(1, 1, 1, 1, 0.0), x, path="pad")
    y = net.add(Conv2d(8, 8, (3, 3), (1, 1), bias=False), y, path="conv")
    y = net.add(Reshape((1, 2, 4, 6, 6)), y, path="split")
    y = net.add(Transpose((0, 2, 1, 3, 4)), y, path="swap")
    y = net.add(Reshape((1, 8, 6, 6)), net.add(Copy((1, 4, 2, 6, 6)), y, path="copy"), path="join")
    gate = net.add(Activation("sigmoid"), y, path="gate")
    y = net.add(Binary("mul"), y, gate, path="mul")
    named = net.named(y)
    assert named[0] == ["pad", "conv"]
    assert {path for each in named for path in each} >= {"conv", "copy", "gate", "mul"}


def test_the_last_operator_may_be_one_that_is_dropped() -> None:
    net = _Steps()
    x = net.add(Mean((2, 3)), net.graph.input((1, 8, 6, 6)), path="mean")
    named = net.named(net.add(Dropout(), x, path="dropout"))
    assert "mean" in named[0]


def test_two_steps_may_work_for_a_layer_and_none_for_one_that_no_output_needs() -> None:
    net = _Steps()
    x = net.graph.input((1, 8, 6, 6))
    net.add(Conv2d(8, 8, (3, 3), (1, 1), bias=False), x, path="unused")
    assert net.named(net.add(AdaptivePool2d(), x, path="pool")) == [
        ["pool"],
        ["pool"],
    ]  # a copy first


@pytest.mark.parametrize("name", ["mobilenet_v1", "mobilenet_v2"])
def test_the_papers_networks_leave_nothing_unnamed(name: str) -> None:
    model = capture_model(build(architecture(name, resolution=64)).eval(), (1, 3, 64, 64))
    parts, named = _check(model)
    assert {index for each in named for index in each} == set(range(len(parts)))
    times = Counter(index for each in named for index in each)
    assert set(times.values()) == {1}


@pytest.mark.parametrize("name", ["resnet18", "shufflenet_v2_x0_5", "densenet121"])
def test_networks_of_torchvision(name: str) -> None:
    network = torchvision_models.get_model(name, weights=None).eval()
    parts, named = _check(capture_model(network, (1, 3, 64, 64)))
    done = {index for each in named for index in each}
    # What is nobody's is what the engine does without: views, concatenations in place.
    for index, part in enumerate(parts):
        assert index in done or part.is_alias or type(part.nodes[0].op).__name__ == "Concat"
