"""Both roads to a graph, the table's and the built network's, lead to the same one."""

from typing import get_args

import msgspec
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from lithe.arch import (
    ARCHITECTURES,
    Architecture,
    Conv,
    DepthwiseSeparable,
    FusedInvertedResidual,
    InvertedResidual,
    Row,
    architecture,
    standard_twin,
)
from lithe.arch.rows import Activation
from lithe.graph import from_arch
from lithe.graph.capture import capture
from lithe.nets.build import build


def assert_same(arch: Architecture, batch: int = 1) -> None:
    with torch.device("meta"):
        network = build(arch)
    shape = (batch, arch.in_channels, arch.resolution, arch.resolution)
    assert from_arch(arch, batch) == capture(network, shape)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture(name: str) -> None:
    assert_same(architecture(name))


def test_multipliers_classes_channels_and_batch() -> None:
    arch = architecture("mobilenet_v2", width=0.35, resolution=33, num_classes=7, in_channels=1)
    assert_same(arch, batch=3)


@pytest.mark.parametrize("shortcut", ["bottleneck", "expansion", "none"])
@pytest.mark.parametrize("linear", [True, False])
def test_the_ablations_of_mobilenet_v2(shortcut: str, linear: bool) -> None:
    table = architecture("mobilenet_v2", width=0.35, resolution=32)
    rows = tuple(
        msgspec.structs.replace(row, shortcut=shortcut, linear=linear)
        if isinstance(row, InvertedResidual)
        else row
        for row in table.rows[:4]
    )
    assert_same(msgspec.structs.replace(table, rows=rows))


@pytest.mark.parametrize("name", ["mobilenet_v1", "mobilenet_v2"])
def test_the_standard_twins(name: str) -> None:
    assert_same(standard_twin(architecture(name, width=0.35, resolution=64)))


kernels = st.sampled_from([1, 3, 5])
counts = st.integers(1, 2)
channels = st.sampled_from([3, 8, 20])
acts = st.sampled_from([UNSET, *get_args(Activation)])
squeezes = st.sampled_from([UNSET, 1, 3, 4])
rows: st.SearchStrategy[Row] = st.one_of(
    st.builds(Conv, k=kernels, c=channels, n=counts, s=counts, act=acts),
    st.builds(
        DepthwiseSeparable, c=channels, n=counts, s=counts, k=kernels, act=acts, squeeze=squeezes
    ),
    st.builds(
        InvertedResidual,
        t=st.integers(1, 3),
        c=channels,
        n=counts,
        s=counts,
        k=kernels,
        linear=st.booleans(),
        shortcut=st.sampled_from(["bottleneck", "expansion", "none"]),
        act=acts,
        squeeze=squeezes,
    ),
    st.builds(FusedInvertedResidual, t=st.integers(1, 3), c=channels, n=counts, s=counts, act=acts),
)


tables = st.builds(
    Architecture,
    name=st.just("any"),
    rows=st.lists(rows, min_size=1, max_size=4).map(tuple),
    width=st.sampled_from([0.5, 1, 1.4]),
    resolution=st.integers(8, 19),
    num_classes=st.just(3),
    activation=st.sampled_from(get_args(Activation)),
)


@given(tables)
@settings(max_examples=15)
def test_any_table(table: Architecture) -> None:
    assert_same(table)


@given(tables)
@settings(max_examples=3)
def test_the_twin_of_any_table(table: Architecture) -> None:
    assert_same(standard_twin(table))
