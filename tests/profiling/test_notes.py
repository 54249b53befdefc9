"""The numbers that the notes quote are recounted too, from networks built as they say."""

from collections.abc import Iterator
from math import prod

import pytest
import torch
from torch import nn

from lithe.arch import architecture
from lithe.arch.mobilenet_v1 import CONV_MOBILENET_FIGURES, MOBILENET_V1_FIGURES
from lithe.arch.mobilenet_v2 import (
    MOBILENET_V2_FIGURES,
    MOBILENET_V2_MATERIALIZED,
    MOBILENET_V2_T1_NOTE,
)
from lithe.arch.rivals import V1_RIVALS
from lithe.cost import Cost, by_kind, cost
from lithe.graph import Graph, from_arch
from lithe.graph.capture import capture
from lithe.nets.torchvision_compat import models

RIVAL = {rival.name: rival.figure.note for rival in V1_RIVALS}


@pytest.fixture(autouse=True)
def without_storage() -> Iterator[None]:
    with torch.device("meta"):
        yield


def million(count: float, digits: int) -> str:
    return f"{count / 1e6:.{digits}f} M"


def counted(name: str, width: float = 1.0, resolution: int = 224) -> Cost:
    return cost(from_arch(architecture(name, width=width, resolution=resolution)))


def weights_without_norm(graph: Graph) -> int:
    names = {name for node in graph.nodes for name in node.params if ".norm." not in name}
    return sum(prod(graph.weights[name]) for name in names)


def test_conv_mobilenet_without_its_classifier() -> None:
    kinds = by_kind(counted("conv_mobilenet").layers)
    note = CONV_MOBILENET_FIGURES[0].note
    assert million(kinds["standard"][0], 2) == "4866.27 M" in note
    assert million(kinds["linear"][0], 2) == "1.02 M" in note


def test_what_was_cut() -> None:
    notes = {figure.table: figure.note for figure in MOBILENET_V1_FIGURES if figure.note}
    assert million(counted("mobilenet_v1", resolution=160).macs, 2) in notes[7]
    assert million(counted("mobilenet_v1", 0.5, 160).macs, 2) in notes[9]
    graph = from_arch(architecture("mobilenet_v1", width=0.5))
    assert million(weights_without_norm(graph), 2) == "1.32 M" in notes[9]


def test_mobilenet_v2() -> None:
    note, wide, *_ = (figure.note for figure in MOBILENET_V2_FIGURES)
    found, graph = counted("mobilenet_v2"), from_arch(architecture("mobilenet_v2"))
    with_expansion = found.macs + 32 * 32 * 112 * 112
    assert million(found.macs, 2) == "300.77 M" in note
    assert million(with_expansion, 2) == "313.62 M" in note
    assert million(weights_without_norm(graph), 2) == "3.47 M" in note
    assert million(found.params, 2) == "3.50 M" in note
    assert million(found.macs, 1) in MOBILENET_V2_T1_NOTE
    assert million(with_expansion, 1) in MOBILENET_V2_T1_NOTE
    found, graph = counted("mobilenet_v2", 1.4), from_arch(architecture("mobilenet_v2", width=1.4))
    assert million(found.macs, 1) == "582.2 M" in wide
    assert million(found.params, 2) == "6.11 M" in wide
    assert million(weights_without_norm(graph), 2) == "6.06 M"
    assert "6.06, without batch norm" in wide


def test_what_table_3_leaves_out() -> None:
    notes = {figure.side: figure.note for figure in MOBILENET_V2_MATERIALIZED}
    graph = from_arch(architecture("mobilenet_v2"))
    sizes = {
        node.path: prod(graph.shapes[node.output]) * 2 / 1e3
        for node in graph.nodes
        if node.path in {"blocks.0.conv", "blocks.18.conv"}
    }
    assert f"({sizes['blocks.0.conv']:.0f} Kb)" == "(803 Kb)"
    assert "(803 Kb)" in notes[112]
    assert f"({sizes['blocks.18.conv']:.0f} Kb)" == "(125 Kb)"
    assert "(125 Kb)" in notes[7]


def test_vgg_16_by_its_convolutions() -> None:
    kinds = by_kind(cost(capture(models.vgg16(weights=None), (1, 3, 224, 224))).layers)
    assert million(kinds["standard"][0], 0) == "15347 M" in RIVAL["VGG 16"]
    assert million(kinds["linear"][0], 0) == "124 M" in RIVAL["VGG 16"]


def test_googlenet_with_5x5_convolutions() -> None:
    network = models.googlenet(weights=None, init_weights=False)
    blocks = [part for part in network.modules() if type(part).__name__ == "Inception"]
    assert len(blocks) == 9
    for block in blocks:
        branch = block.branch3[1]
        assert branch.conv.kernel_size == (3, 3)
        c_in, c_out = branch.conv.in_channels, branch.conv.out_channels
        branch.conv = nn.Conv2d(c_in, c_out, 5, padding=2, bias=False)
    found = cost(capture(network, (1, 3, 224, 224)))
    assert million(found.macs, 0) == "1583 M" in RIVAL["GoogLeNet"]
    assert million(found.params, 2) == "7.01 M" in RIVAL["GoogLeNet"]


@pytest.mark.parametrize(("resolution", "macs"), [(224, "848 M"), (227, "861 M")])
def test_squeezenet_as_first_released(resolution: int, macs: str) -> None:
    network = models.squeezenet1_0(weights=None)
    network.classifier[1].padding = (1, 1)
    found = cost(capture(network, (1, 3, resolution, resolution)))
    assert million(found.macs, 0) == macs in RIVAL["SqueezeNet"]
    assert round(2 * found.macs / 1e6, -2) == 1700


def test_alexnet_in_two_columns() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 96, 11, 4),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(96, 256, 5, padding=2, groups=2),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(256, 384, 3, padding=1),
        nn.Conv2d(384, 384, 3, padding=1, groups=2),
        nn.Conv2d(384, 256, 3, padding=1, groups=2),
        nn.MaxPool2d(3, 2),
        nn.Flatten(),
        nn.Linear(256 * 6 * 6, 4096),
        nn.Linear(4096, 4096),
        nn.Linear(4096, 1000),
    )
    found = cost(capture(network, (1, 3, 227, 227)))
    assert million(found.macs, 1) == "724.4 M" in RIVAL["AlexNet"]
    assert million(found.params, 2) == "60.97 M" in RIVAL["AlexNet"]
