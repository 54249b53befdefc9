"""Networks by name, and the cells of a table."""

import pytest

from lithe.arch import ARCHITECTURES
from lithe.bench.cells import NETWORKS, Cell, cells, find_network
from lithe.errors import LitheError


def test_every_combination_threads_next_to_each_other() -> None:
    found = cells(("resnet18", "mobilenet_v2"), (224, 96), (1, 8), (1, 2))
    assert len(set(found)) == 16
    assert found[0] == Cell("resnet18", 224, 1, 1)
    assert found[1] == Cell("resnet18", 224, 1, 2)
    assert found[-1] == Cell("mobilenet_v2", 96, 8, 2)


def test_the_networks_of_the_benchmark() -> None:
    assert len(NETWORKS) == 10
    ours = [network for network in NETWORKS.values() if network.source == "lithe"]
    assert {network.name for network in ours} == {"mobilenet_v1", "mobilenet_v2"}
    assert all(network.name in ARCHITECTURES for network in ours)


def test_other_networks_by_their_library() -> None:
    assert find_network("shallow_mobilenet").source == "lithe"
    assert find_network("timm:ghostnet_100").name == "ghostnet_100"
    assert find_network("torchvision:googlenet").source == "torchvision"


@pytest.mark.parametrize("name", ["mobilnet_v2", "timm:", "keras:xception", ""])
def test_an_unknown_network_is_refused(name: str) -> None:
    with pytest.raises(LitheError, match="unknown network"):
        cells((name,), (224,), (1,), (1,))


def test_a_size_of_none_is_refused() -> None:
    with pytest.raises(LitheError, match="1 or more"):
        cells(("resnet18",), (224,), (0,), (1,))
