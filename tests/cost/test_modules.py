"""A tree of modules holds every layer once and adds up at every node."""

from hypothesis import given
from hypothesis import strategies as st

from lithe.cost import LayerCost, ModuleCost, by_module
from lithe.cost.count import cost
from lithe.graph import GraphBuilder
from lithe.graph.ops import Binary, Conv2d

paths = st.lists(st.sampled_from(["a", "b", "0", "1"]), max_size=4).map(".".join)


def layer(path: str, number: int = 0, kind: str = "other") -> LayerCost:
    return LayerCost(
        path, kind, "conv", (), (), number, number + 1, number + 2, 0, *range(number, number + 3)
    )


def everywhere(tree: ModuleCost) -> list[ModuleCost]:
    return [tree, *(each for child in tree.children for each in everywhere(child))]


@given(st.lists(st.tuples(paths, st.integers(0, 9), st.sampled_from(["other", "unknown"]))))
def test_every_module_is_the_sum_of_the_layers_whose_path_begins_with_its(
    given_layers: list[tuple[str, int, str]],
) -> None:
    rows = [layer(*each) for each in given_layers]
    nodes = everywhere(by_module(rows))
    assert len({node.path for node in nodes}) == len(nodes)
    prefixes = {".".join(row.path.split(".")[:i]) for row in rows for i in range(1, 6) if row.path}
    assert {node.path for node in nodes} == prefixes | {""}
    for node in nodes:
        inside = [
            (i, row)
            for i, row in enumerate(rows)
            if not node.path or f"{row.path}.".startswith(f"{node.path}.")
        ]
        assert node.layers == tuple(i for i, _ in inside)
        assert node.macs == sum(row.macs for _, row in inside)
        assert node.params == sum(row.params for _, row in inside)
        assert node.other_ops == sum(row.other_ops for _, row in inside)
        assert node.moved_bytes == sum(row.moved_bytes for _, row in inside)
        assert node.unknown == sum(row.kind == "unknown" for _, row in inside)
        assert node.name == node.path.split(".")[-1]


def test_an_addition_belongs_to_its_block_and_to_no_child() -> None:
    builder = GraphBuilder()
    x = builder.input((1, 4, 2, 2))
    first = builder.add(Conv2d(4, 4, (1, 1)), x, path="stem")
    last = builder.add(Conv2d(4, 4, (1, 1)), first, path="blocks.0.conv")
    both = builder.add(Binary("add"), first, last, path="blocks.0")
    tree = by_module(cost(builder.build(both)).layers)
    assert [child.path for child in tree.children] == ["stem", "blocks"]
    (block,) = tree.children[1].children
    assert (block.layers, block.children[0].layers) == ((1, 2), (1,))
    assert (block.macs, block.other_ops, block.children[0].other_ops) == (64, 16, 0)
