"""The exact counts of the published networks. No flag rewrites these numbers.

Closed form over convolutions and linear layers at 1000 classes, batch 1; parameters with
batch norm's scale and shift; peak bytes in fp32, layer by layer.
"""

from math import prod

import pytest
import torch

from lithe.arch import architecture
from lithe.cost import cost
from lithe.graph import from_arch
from lithe.graph.capture import capture
from lithe.graph.ops import Activation, BatchNorm
from lithe.nets.build import create

COUNTS = [  # name, width, resolution, MACs, params
    ("mobilenet_v1", 1.0, 224, 568_740_352, 4_231_976),
    ("mobilenet_v1", 1.25, 224, 879_516_800, 6_270_840),
    ("mobilenet_v2", 0.35, 224, 59_285_808, 1_677_128),
    ("mobilenet_v2", 0.5, 224, 97_131_840, 1_968_680),
    ("mobilenet_v2", 0.75, 224, 209_069_792, 2_636_424),
    ("mobilenet_v2", 1.0, 224, 300_774_272, 3_504_872),
    ("mobilenet_v2", 1.4, 224, 582_195_824, 6_108_776),
]


@pytest.mark.smoke
@pytest.mark.parametrize(("name", "width", "resolution", "macs", "params"), COUNTS)
def test_exact_counts_from_the_table(
    name: str, width: float, resolution: int, macs: int, params: int
) -> None:
    found = cost(from_arch(architecture(name, width=width, resolution=resolution)))
    assert (found.macs, found.params) == (macs, params)


@pytest.mark.parametrize(("name", "width", "resolution", "macs", "params"), COUNTS)
def test_exact_counts_from_the_built_network(
    name: str, width: float, resolution: int, macs: int, params: int
) -> None:
    with torch.device("meta"):
        network = create(name, width=width, resolution=resolution)
    assert sum(weight.numel() for weight in network.parameters()) == params
    found = cost(capture(network, (1, 3, resolution, resolution)))
    assert (found.macs, found.params, found.unknown) == (macs, params, ())


@pytest.mark.parametrize(
    ("width", "resolution", "macs_m"),
    [
        (0.75, 224, 325.4),
        (0.75, 192, 239.3),
        (0.75, 160, 166.4),
        (0.75, 128, 106.8),
        (0.25, 192, 30.2),
    ],
)
def test_closed_forms_of_mobilenet_v1(width: float, resolution: int, macs_m: float) -> None:
    found = cost(from_arch(architecture("mobilenet_v1", width=width, resolution=resolution)))
    assert round(found.macs / 1e6, 1) == macs_m


@pytest.mark.parametrize(
    ("width", "resolution", "macs_m", "params_m"),
    [
        (1.0, 224, 568, 3.3),  # printed as 569: that of 1000 classes
        (0.75, 224, 325, 1.9),
        (1.0, 192, 417, 3.3),  # printed as 418, likewise
        (0.75, 192, 239, 1.9),
    ],
)
def test_table_10_of_mobilenet_v1_with_the_120_classes_of_stanford_dogs(
    width: float, resolution: int, macs_m: int, params_m: float
) -> None:
    arch = architecture("mobilenet_v1", width=width, resolution=resolution, num_classes=120)
    found = cost(from_arch(arch))
    assert (round(found.macs / 1e6), round(found.params / 1e6, 1)) == (macs_m, params_m)


@pytest.mark.parametrize(
    ("width", "resolution", "macs_m", "params_m"),
    [
        (1.0, 224, 568, 3.2),
        (0.5, 224, 149, 0.8),
        (0.25, 224, 41, 0.2),  # printed as 45
        (1.0, 128, 185, 3.2),
        (0.5, 128, 49, 0.8),  # 48.6, printed as 48
        (0.25, 128, 13, 0.2),  # printed as 15
    ],
)
def test_table_12_of_mobilenet_v1_is_the_body_alone(
    width: float, resolution: int, macs_m: int, params_m: float
) -> None:
    arch = architecture("mobilenet_v1", width=width, resolution=resolution)
    *body, classifier = cost(from_arch(arch)).layers
    assert classifier.kind == "linear"
    assert round(sum(row.macs for row in body) / 1e6) == macs_m
    assert round(sum(row.params for row in body) / 1e6, 1) == params_m


@pytest.mark.parametrize(
    ("name", "peak"), [("mobilenet_v1", 4_816_896), ("mobilenet_v2", 6_021_120)]
)
def test_peak_activation_bytes(name: str, peak: int) -> None:
    assert cost(from_arch(architecture(name))).peak_activation_bytes == peak
    with torch.device("meta"):
        network = create(name)
    assert cost(capture(network, (1, 3, 224, 224))).peak_activation_bytes == peak


def test_run_layer_by_layer_mobilenet_v2_needs_more_memory_than_v1() -> None:
    v2 = cost(from_arch(architecture("mobilenet_v2")))
    worst = max(v2.layers, key=lambda row: row.live_bytes)
    assert worst.path == "blocks.2.depthwise.conv"
    assert worst.live_bytes == 4 * (96 * 112 * 112 + 96 * 56 * 56)


def test_an_expansion_at_t_1_is_what_makes_313_6_out_of_300_8() -> None:
    macs = cost(from_arch(architecture("mobilenet_v2"))).macs
    assert round(macs / 1e6, 1) == 300.8
    assert round((macs + 32 * 32 * 112 * 112) / 1e6, 1) == 313.6


def test_what_other_counters_add() -> None:
    """ptflops says 610.1 M for V2 1.4: two operations an element of batch norm, one of ReLU6."""
    graph = from_arch(architecture("mobilenet_v2", width=1.4))
    elements = {
        kind: sum(prod(graph.shapes[n.output]) for n in graph.nodes if isinstance(n.op, kind))
        for kind in (BatchNorm, Activation)
    }
    with_norm = cost(graph).macs + 2 * elements[BatchNorm]
    assert round(2 * elements[BatchNorm] / 1e6, 1) == 19.1
    assert round((with_norm + elements[Activation]) / 1e6, 1) == 610.1
