"""Graphs are values: they cannot be changed, and they compare, travel and name mistakes."""

import copy
import pickle
from dataclasses import FrozenInstanceError

import pytest

from lithe.arch import architecture
from lithe.errors import LitheError
from lithe.graph import Graph, GraphBuilder, from_arch
from lithe.graph.ops import Conv2d, Shape


def test_a_graph_cannot_be_changed() -> None:
    shapes: dict[str, Shape] = {"x0": (1, 3, 4, 4)}
    graph = Graph(("x0",), ("x0",), (), shapes)
    shapes["x0"] = (9,)
    assert graph.shapes["x0"] == (1, 3, 4, 4)
    with pytest.raises(TypeError):
        graph.shapes["x0"] = (9,)  # type: ignore[index]
    with pytest.raises(FrozenInstanceError):
        graph.nodes = ()  # type: ignore[misc]


def test_a_builder_that_goes_on_leaves_the_built_graph_alone() -> None:
    builder = GraphBuilder()
    x = builder.input((1, 3, 4, 4))
    graph = builder.build(x)
    builder.add(Conv2d(3, 8, (1, 1)), x, params={"weight": (8, 3, 1, 1)})
    assert (len(graph.nodes), len(graph.shapes), len(graph.weights)) == (0, 1, 0)


def test_a_graph_can_be_pickled_and_copied() -> None:
    graph = from_arch(architecture("mobilenet_v2", width=0.35, resolution=64))
    assert pickle.loads(pickle.dumps(graph)) == graph
    assert copy.deepcopy(graph) == graph


def test_an_operator_that_does_not_fit_is_named_by_its_place() -> None:
    builder = GraphBuilder()
    x = builder.input((1, 3, 4, 4))
    with pytest.raises(LitheError, match=r"^blocks\.0\.conv: .*8 input channels was given 3"):
        builder.add(Conv2d(8, 8, (1, 1)), x, path="blocks.0.conv")
