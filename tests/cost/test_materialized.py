"""Only what crosses from one fused operator to another must exist in memory."""

from lithe.cost import Layer, materialized
from lithe.graph import GraphBuilder
from lithe.graph.ops import Activation, Binary, Conv2d


def stage(layer: Layer) -> str:
    return layer.path.split(".")[0]


def test_a_fused_block_shows_only_what_leaves_it() -> None:
    builder = GraphBuilder()
    x = builder.input((1, 4, 8, 8))
    stem = builder.add(Conv2d(4, 4, (1, 1)), x, path="stem")
    wide = builder.add(Conv2d(4, 24, (1, 1)), stem, path="block.expand")
    wide = builder.add(Activation("relu6"), wide, path="block.act")
    narrow = builder.add(Conv2d(24, 4, (1, 1)), wide, path="block.project")
    both = builder.add(Binary("add"), stem, narrow, path="block")
    last = builder.add(Conv2d(4, 2, (1, 1)), both, path="head")
    graph = builder.build(last)
    assert materialized(graph, stage) == (stem, both, last)
    assert materialized(graph, lambda layer: layer.path) == (stem, wide, narrow, both, last)
    assert materialized(graph, lambda _: "all") == (last,)


def test_what_the_network_returns_is_materialised_even_from_inside_an_operator() -> None:
    builder = GraphBuilder()
    x = builder.input((1, 4, 8, 8))
    inner = builder.add(Conv2d(4, 4, (1, 1)), x, path="block.inner")
    last = builder.add(Conv2d(4, 2, (1, 1)), inner, path="block.last")
    assert materialized(builder.build(inner, last), stage) == (inner, last)
