"""Built networks can learn: gradients, fresh weights, dropout; their graphs: tests/graph."""

import msgspec
import pytest
import torch
from torch import nn

from lithe.arch import ARCHITECTURES, Architecture, architecture
from lithe.arch.registry import changed, standard_twin
from lithe.arch.rows import InvertedResidual, Shortcut
from lithe.nets.build import build, create


def ablated(linear: bool, shortcut: Shortcut) -> Architecture:
    """MobileNetV2 with one switch set in every inverted residual."""
    table = ARCHITECTURES["mobilenet_v2"]
    rows = tuple(
        msgspec.structs.replace(row, linear=linear, shortcut=shortcut)
        if isinstance(row, InvertedResidual)
        else row
        for row in table.rows
    )
    return changed(table, rows=rows)


TABLES = {
    **ARCHITECTURES,
    "v1 twin": standard_twin(ARCHITECTURES["mobilenet_v1"]),
    "v2 twin": standard_twin(ARCHITECTURES["mobilenet_v2"]),
    "relu bottleneck": ablated(False, "bottleneck"),
    "expansions": ablated(True, "expansion"),
    "no shortcut": ablated(True, "none"),
    "squeezed": architecture("mobilenet_v2-hs" + 7 * "-n2t3k3s"),
    "squeezed pairs": architecture("mobilenet_v1-si" + 9 * "-n1k3s.re"),
    "relu": changed(ARCHITECTURES["mobilenet_v1"], activation="relu"),
}


@pytest.mark.parametrize("name", TABLES)
def test_every_weight_has_a_say(name: str) -> None:
    arch = changed(TABLES[name], width=0.25, resolution=16, num_classes=5, dropout=0.0)
    torch.manual_seed(0)
    network = build(arch)
    x = torch.randn(8, 3, 16, 16)
    nn.functional.cross_entropy(network(x), torch.arange(8) % 5).backward()
    for parameter_name, parameter in network.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert torch.isfinite(parameter.grad).all(), parameter_name
        assert parameter.grad.any(), parameter_name


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_signals_keep_their_size_through_a_fresh_network(name: str) -> None:
    """He initialisation: neither vanishing nor exploding before any training."""
    torch.manual_seed(0)
    network = create(name, width=0.5, resolution=64, num_classes=4).train()
    with torch.no_grad():
        features = network.features(torch.randn(4, 3, 64, 64))
    assert 0.1 < features.std() < 10


def test_a_network_takes_other_sizes_than_its_tables() -> None:
    network = create("mobilenet_v2", width=0.35, resolution=96, num_classes=3).eval()
    with torch.no_grad():
        assert network(torch.randn(2, 3, 61, 83)).shape == (2, 3)


def test_dropout_is_in_force_only_in_training() -> None:
    torch.manual_seed(0)
    network = create("mobilenet_v1", width=0.25, resolution=32, num_classes=3, dropout=0.5)
    x = torch.randn(2, 3, 32, 32)
    network.eval()
    assert torch.equal(network(x), network(x))
    network.dropout.train()
    assert not torch.equal(network(x), network(x))


def test_building_without_storage_draws_nothing() -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    with torch.device("meta"):
        network = create("mobilenet_v1", width=0.25)
    assert all(tensor.is_meta for tensor in network.state_dict().values())
    assert torch.equal(torch.rand(3), expected)
