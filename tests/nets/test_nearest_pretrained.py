"""Networks without published weights of their own begin with those of the nearest width."""

from collections.abc import Iterator

import pytest
import torch
from tests import hub_cache

from lithe.arch import ARCHITECTURES, Architecture, architecture
from lithe.arch.registry import changed
from lithe.errors import LitheError
from lithe.nets.build import Network, build
from lithe.nets.inherit import inherit
from lithe.nets.pretrained import (
    PRETRAINED,
    load_pretrained,
    nearest_pretrained,
    normalisation,
    pretrained_names,
)
from lithe.nets.weight_names import load_weights
from lithe.search.space import FAMILIES, WIDTHS, random_tables

VARIANT = "mobilenet_v2-n1t1k3-n2t3k5s-n3t6k3-n4t4k3.hs-n3t6k3-n2t6k7-n1t6k3"


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    home = tmp_path_factory.mktemp("hub")
    wanted = (("mobilenet_v2", 0.5), ("mobilenet_v2", 1.0), ("mobilenet_v1", 1.0))
    hub_cache.fill(home, [PRETRAINED[key] for key in wanted])
    with pytest.MonkeyPatch.context() as patch:
        hub_cache.use(patch, home)
        yield


def drawn(arch: Architecture) -> Network:
    torch.manual_seed(0)
    return build(arch)


def parent_of(arch: Architecture, **fields: int) -> Network:
    """The network that the weights are of, with them."""
    table, name = nearest_pretrained(arch)
    network = build(changed(table, **fields))
    weights = hub_cache.drawn(name)
    if fields.get("in_channels") == 1:
        weights["conv_stem.weight"] = weights["conv_stem.weight"].sum(dim=1, keepdim=True)
    load_weights(network, weights, "timm")
    return network


@pytest.mark.parametrize(
    ("name", "width", "nearest"),
    [
        ("mobilenet_v2", 0.35, ("mobilenet_v2", 0.5)),
        ("mobilenet_v2", 0.5, ("mobilenet_v2", 0.5)),
        ("mobilenet_v2", 0.6, ("mobilenet_v2", 1.0)),  # wider, though 0.5 is closer
        ("mobilenet_v2", 0.75, ("mobilenet_v2", 1.0)),
        ("mobilenet_v2", 1.2, ("mobilenet_v2", 1.4)),
        ("mobilenet_v2", 2.0, ("mobilenet_v2", 1.4)),  # there is none wider
        ("mobilenet_v2_110d", 1.0, ("mobilenet_v2_110d", 1.1)),
        (VARIANT, 0.4, ("mobilenet_v2", 0.5)),
        ("mobilenet_v1", 1.1, ("mobilenet_v1", 1.25)),
        ("shallow_mobilenet", 0.25, ("mobilenet_v1", 1.0)),
    ],
)
def test_the_same_width_or_the_next_wider_one(
    name: str, width: float, nearest: tuple[str, float]
) -> None:
    table, of = nearest_pretrained(architecture(name, width=width, resolution=32, num_classes=7))
    assert (table.name, table.width) == nearest
    assert (table.resolution, table.num_classes, table.in_channels) == (32, 1000, 3)
    assert of == PRETRAINED[nearest]


@pytest.mark.parametrize(
    "arch",
    [
        architecture("mobilenet_v2", width=0.35, num_classes=10, resolution=96),
        architecture("mobilenet_v2", width=0.75, num_classes=1000, resolution=64),
        architecture("mobilenet_v2", width=0.2, num_classes=3, resolution=32, in_channels=1),
        architecture(VARIANT, width=0.3, num_classes=10, resolution=48),
        architecture(VARIANT, width=0.5, num_classes=10, resolution=48, in_channels=1),
        architecture("mobilenet_v1", width=0.25, num_classes=10, resolution=32),
    ],
    ids=lambda arch: arch.label[-12:],
)
def test_they_are_what_is_inherited_from_that_network(arch: Architecture) -> None:
    network, expected = drawn(arch), drawn(arch)
    found = load_pretrained(network)
    parent = parent_of(arch, in_channels=arch.in_channels)
    inherited = inherit(expected, parent.arch, parent.state_dict())
    state = network.state_dict()
    for name, value in expected.state_dict().items():
        assert torch.equal(state[name], value), name
    assert (found.name, found.table) == (nearest_pretrained(arch)[1], parent.arch)
    assert found.share == inherited.share
    assert (found.mean, found.std) == normalisation(arch)
    if arch.num_classes == 1000:
        assert not found.fresh
        assert found.share == 1
    else:
        assert {"classifier.weight", "classifier.bias"} <= set(found.fresh)
        assert 0.5 < found.share < 1


def test_the_strongest_channels_are_kept() -> None:
    arch = architecture("mobilenet_v2", width=0.75, resolution=64)
    network = drawn(arch)
    load_pretrained(network)
    weights = hub_cache.drawn("mobilenetv2_100.ra_in1k")
    scale = weights["bn2.weight"]  # the last convolution widens above 1 only: all stay
    assert torch.equal(network.state_dict()["blocks.18.norm.weight"], scale)
    kept = weights["blocks.5.0.bn2.weight"].sort(descending=True).values[:432]  # of 576
    mine = network.state_dict()["blocks.14.depthwise.norm.weight"]
    assert torch.equal(mine.sort(descending=True).values, kept)


def test_it_follows_from_table_drawn_weights_and_published_ones_alone() -> None:
    arch = architecture("mobilenet_v2", width=0.1, resolution=32, num_classes=4)
    first, second = drawn(arch), drawn(arch)
    load_pretrained(first)
    torch.manual_seed(99)
    before = torch.random.get_rng_state()
    load_pretrained(second)
    assert torch.equal(torch.random.get_rng_state(), before)  # and draws nothing from outside
    for name, value in first.state_dict().items():
        assert torch.equal(second.state_dict()[name], value)


def test_the_shallow_mobilenet_takes_the_rows_in_front() -> None:
    arch = architecture("shallow_mobilenet", resolution=64, num_classes=1000)
    network, before = drawn(arch), drawn(arch).state_dict()
    found = load_pretrained(network)
    parent, state = parent_of(arch).state_dict(), network.state_dict()
    front = tuple(f"blocks.{index}." for index in range(7))
    for name, value in state.items():
        if not name.endswith("num_batches_tracked"):
            assert torch.equal(value, (parent if name.startswith(front) else before)[name]), name
    assert all(name.startswith(("blocks.7.", "blocks.8.", "classifier.")) for name in found.fresh)
    parameters = dict(network.named_parameters())
    taken = sum(value.numel() for name, value in parameters.items() if name.startswith(front))
    assert found.share == taken / sum(value.numel() for value in parameters.values())


def test_a_stem_of_other_channels_stays_as_drawn() -> None:
    arch = architecture("mobilenet_v2", width=0.35, num_classes=10, in_channels=4)
    network, before = drawn(arch), drawn(arch).state_dict()
    found = load_pretrained(network)
    assert found.fresh == ("blocks.0.conv.weight", "classifier.weight", "classifier.bias")
    assert torch.equal(network.state_dict()["blocks.0.conv.weight"], before["blocks.0.conv.weight"])
    assert found.mean == (0.5,) * 4


def test_one_line_tells_what_it_began_with() -> None:
    exact = drawn(architecture("mobilenet_v2", width=0.5, num_classes=10))
    assert load_pretrained(exact).told == (
        "starts from mobilenetv2_050.lamb_in1k (mobilenet_v2 at width 0.5), 98.2% of the "
        "parameters; new: classifier.weight, classifier.bias"
    )
    shallow = drawn(architecture("shallow_mobilenet", width=0.5, num_classes=10))
    told = load_pretrained(shallow).told
    assert "(mobilenet_v1 at width 1), " in told
    assert told.endswith(" more")
    assert "\n" not in told


def test_every_network_of_a_search_can_begin_with_some() -> None:
    for family in FAMILIES:
        assert pretrained_names(family)
        for width in WIDTHS:
            table = changed(ARCHITECTURES[family], width=max(width, 0.1))
            assert nearest_pretrained(table)[1] in pretrained_names(family)
    for arch in random_tables(32, 6, seed=1, suits=lambda arch: arch.width < 0.4):
        found = load_pretrained(drawn(changed(arch, in_channels=1)))
        assert 0 < found.share < 1
        assert len(found.mean) == 1


@pytest.mark.parametrize(
    ("arch", "message"),
    [
        (architecture("conv_mobilenet"), "for conv_mobilenet; there are for mobilenet_v1, mobile"),
        (changed(ARCHITECTURES["mobilenet_v2"], name="mine"), "weights for mine; there are for"),
        (
            changed(ARCHITECTURES["conv_mobilenet"], name="mobilenet_v1"),
            "for mobilenet_v1 with these rows; there are for",
        ),
    ],
)
def test_tables_without_weights(arch: Architecture, message: str) -> None:
    with pytest.raises(LitheError, match=message):
        nearest_pretrained(arch)
