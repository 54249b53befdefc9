"""docs/roofline.md: every example gives what the page says."""

import doctest
from pathlib import Path

from lithe.arch import architecture
from lithe.cost import cost
from lithe.cost.roofline import work_of
from lithe.graph import from_arch

PAGE = Path(__file__).parents[1] / "docs" / "roofline.md"


def test_every_example_is_so() -> None:
    found = doctest.testfile(str(PAGE), module_relative=False, encoding="utf-8")
    assert found.attempted > 20
    assert found.failed == 0


def test_the_layer_by_hand_is_the_networks() -> None:
    layers = cost(from_arch(architecture("mobilenet_v2"))).layers
    expand = next(layer for layer in layers if layer.path == "blocks.2.expand.conv")
    assert (expand.read_bytes, expand.activation_bytes) == (802_816, 4_816_896)
    assert work_of(expand).weight_bytes == 6_528
    assert sum(layer.weight_bytes for layer in layers) == 13_951_264
    text = PAGE.read_text()
    assert all(each in text for each in ("802,816", "4,816,896", "6,528", "13,951,264"))
