"""Built networks: they are the graphs that their tables promise, and they can learn."""

import msgspec
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lithe.arch import ARCHITECTURES, Architecture, architecture
from lithe.arch.registry import changed, standard_twin
from lithe.arch.rows import (
    Conv,
    DepthwiseSeparable,
    FusedInvertedResidual,
    InvertedResidual,
    Row,
    Shortcut,
)
from lithe.graph import from_arch
from lithe.graph.capture import capture
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
    return changed(table, rows=rows, width=0.5, resolution=96, num_classes=10)


TABLES = {
    **{name: architecture(name, resolution=64) for name in ARCHITECTURES},
    "narrow, grey, odd": architecture("mobilenet_v1", width=0.35, resolution=45, in_channels=1),
    "wide, odd": architecture("mobilenet_v2", width=1.4, resolution=129, num_classes=7),
    "paper's strides": architecture("mobilenet_v2", width=0.75, resolution=33, paper_strides=True),
    "smallest": architecture("mobilenet_v2", width=0.35, resolution=8),
    "fused twin": standard_twin(architecture("mobilenet_v2", width=0.5, resolution=47)),
    "standard twin": standard_twin(architecture("mobilenet_v1", width=0.5, resolution=47)),
    "relu bottleneck": ablated(False, "bottleneck"),
    "expansions": ablated(True, "expansion"),
    "no shortcut": ablated(True, "none"),
    "relu": changed(ARCHITECTURES["mobilenet_v1"], activation="relu", resolution=32),
}


def assert_captured_as_promised(arch: Architecture, batch: int) -> None:
    network = build(arch)
    promised = from_arch(arch, batch)
    seen = capture(network, (batch, arch.in_channels, arch.resolution, arch.resolution))
    assert seen.nodes == promised.nodes
    assert dict(seen.shapes) == dict(promised.shapes)
    assert dict(seen.weights) == dict(promised.weights)
    assert seen == promised
    state = {
        name: tuple(tensor.shape)
        for name, tensor in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    assert state == dict(promised.weights)


@pytest.mark.parametrize("name", TABLES)
def test_the_captured_graph_is_the_tables(name: str) -> None:
    assert_captured_as_promised(TABLES[name], batch=1)


CHANNELS = st.integers(1, 40)
REPEATS = st.integers(1, 3)
STRIDES = st.integers(1, 3)
KERNELS = st.sampled_from([1, 3, 5])
EXPANSIONS = st.integers(1, 4)
ROWS: st.SearchStrategy[Row] = st.one_of(
    st.builds(
        Conv,
        k=KERNELS,
        c=CHANNELS,
        n=REPEATS,
        s=STRIDES,
        widen=st.sampled_from(["always", "above_one", "never"]),
    ),
    st.builds(DepthwiseSeparable, c=CHANNELS, n=REPEATS, s=STRIDES, k=KERNELS),
    st.builds(
        InvertedResidual,
        t=EXPANSIONS,
        c=CHANNELS,
        n=REPEATS,
        s=STRIDES,
        k=KERNELS,
        linear=st.booleans(),
        shortcut=st.sampled_from(["bottleneck", "expansion", "expansion", "none"]),
    ),
    st.builds(FusedInvertedResidual, t=EXPANSIONS, c=CHANNELS, n=REPEATS, s=STRIDES, k=KERNELS),
)
ARCHITECTURE = st.builds(
    Architecture,
    name=st.just("drawn"),
    rows=st.lists(ROWS, min_size=1, max_size=4).map(tuple),
    width=st.sampled_from([1.0, 1.3]),
    resolution=st.integers(8, 41),
    num_classes=st.integers(1, 5),
    in_channels=st.integers(1, 4),
    activation=st.sampled_from(["relu", "relu6"]),
)


@settings(deadline=None, max_examples=25)
@given(arch=ARCHITECTURE, batch=st.integers(1, 3))
def test_the_captured_graph_of_any_table(arch: Architecture, batch: int) -> None:
    assert_captured_as_promised(arch, batch)


@pytest.mark.smoke
@pytest.mark.parametrize("name", TABLES)
def test_every_weight_has_a_say(name: str) -> None:
    arch = changed(TABLES[name], resolution=24, num_classes=5, dropout=0.0)
    torch.manual_seed(0)
    network = build(arch)
    x = torch.randn(8, arch.in_channels, 24, 24)
    nn.functional.cross_entropy(network(x), torch.arange(8) % 5).backward()
    for parameter_name, parameter in network.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert torch.isfinite(parameter.grad).all(), parameter_name
        assert parameter.grad.any(), parameter_name


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_signals_keep_their_size_through_a_fresh_network(name: str) -> None:
    """He initialisation: neither vanishing nor exploding before any training."""
    torch.manual_seed(0)
    network = create(name, resolution=64, num_classes=4).train()
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
