"""Our MACs against two other counters, to the last digit: `torch.utils.flop_counter` and fvcore.

Each difference is predicted by a row of `benchmarks.counters`; there is no tolerance. Some
networks here, all that are convolutional by `pytest -m slow`.
"""

from functools import cache

import pytest
import torch
from benchmarks.counters import (
    DISAGREEMENTS,
    Call,
    Calls,
    difference_macs,
    fvcore_flops,
    torch_flops,
)
from benchmarks.mixing import Mixing
from benchmarks.tables import result
from benchmarks.zoo import Entry, build
from torch import Tensor, nn

from lithe.cost import FLOPS_PER_MAC, cost
from lithe.graph.capture import capture
from lithe.graph.ops import Shape

# Small ones, each with something that the others do not have.
SAMPLE = (
    Entry("mobilenet_v3_small", "torchvision"),
    Entry("googlenet", "torchvision"),
    Entry("convnext_atto", "convnext"),  # layer norm
    Entry("nf_regnet_b0", "nfnet"),  # standardised filters
    Entry("hrnet_w18_small", "hrnet"),  # nearest interpolation
    Entry("efficientformerv2_s0", "efficientformer_v2"),  # bilinear interpolation
    Entry("edgenext_xx_small", "edgenext"),  # a convolution of constants
    Entry("coatnet_rmlp_nano_rw_224", "maxxvit"),  # a linear layer of constants
    Entry("maxvit_tiny_tf_224", "maxxvit"),  # an einsum of constants
    Entry("convmixer_768_32", "convmixer"),  # padding in words
    Entry("mobilevit_xxs", "mobilevit"),  # attention
    Entry("lowformer_b0", "lowformer"),  # transposed convolution
    Entry("efficientvim_m1", "efficientvim"),  # products, convolution over one axis
    Entry("ecaresnet26t", "resnet"),  # a filter over the channels
    Entry("shvit_s1", "shvit"),  # group norm
    Entry("dpn48b", "dpn"),  # concatenations
)
IDS = [f"{entry.family}:{entry.name}" for entry in SAMPLE]


def recorded() -> tuple[Entry, ...]:
    """The convolutional networks among those of the benchmark's rows."""
    rows = (result("coverage") or {"rows": []})["rows"]
    return tuple(Entry(row["name"], row["family"]) for row in rows if row["convolutional"])


def small_shape(network: nn.Module, shape: Shape) -> Shape:
    """A small image, where the network does not insist on the size that it was made for."""
    small = (*shape[:2], 96, 96)
    try:
        network(torch.empty(small, device="meta"))
    except (AssertionError, RuntimeError):
        return shape
    return small


@cache
def by_torch(entry: Entry) -> tuple[int, tuple[Call, ...], Shape]:
    """FLOPs and calls for a small image, and its shape."""
    network, shape = build(entry)
    shape = small_shape(network, shape)
    image = torch.empty(shape, device="meta")
    with Calls(image) as calls:
        flops = torch_flops(network, image)
    return flops, tuple(calls.seen), shape


def agree(entry: Entry) -> None:
    flops, calls, shape = by_torch(entry)
    network, _ = build(entry, "cpu")
    counted = cost(capture(network, shape))
    assert counted.unknown == ()
    assert flops == FLOPS_PER_MAC * (counted.macs + difference_macs("torch", calls))
    found = fvcore_flops(network, torch.zeros(shape))
    assert found == counted.macs + difference_macs("fvcore", calls)


@pytest.mark.parametrize("entry", SAMPLE, ids=IDS)
def test_both_counters_agree_on_a_sample(entry: Entry) -> None:
    agree(entry)


@pytest.mark.slow
@pytest.mark.parametrize("entry", recorded(), ids=lambda entry: f"{entry.family}:{entry.name}")
def test_both_counters_agree_on_every_convolutional_network(entry: Entry) -> None:
    agree(entry)


def test_no_reason_without_a_network_that_needs_it() -> None:
    seen = {call.name for entry in SAMPLE for call in by_torch(entry)[1]}
    assert {name for row in DISAGREEMENTS for name in row.functions} <= seen


class Part(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
        self.norm = nn.BatchNorm2d(4)
        self.places = nn.Parameter(torch.zeros(1, 3, 2, 2))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(self.conv(x)) + self.conv(self.places)
        return y


def test_a_difference_by_hand() -> None:
    image = torch.zeros(1, 3, 2, 2)
    part = Part().eval().requires_grad_(False)
    with Calls(image) as calls:
        part(image)
    conv, elements = 4 * 3 * 2 * 2, 4 * 2 * 2
    assert difference_macs("torch", calls.seen) == conv
    assert difference_macs("fvcore", calls.seen) == conv + 2 * elements
    assert cost(capture(part, (1, 3, 2, 2))).macs == conv
    assert torch_flops(part, image) == 2 * (2 * conv)
    assert fvcore_flops(part, image) == 2 * conv + 2 * elements


@pytest.mark.parametrize(
    ("name", "family", "expected"),
    [
        ("resnet18", "resnet", True),
        ("convnext_atto", "convnext", True),
        ("convmixer_768_32", "convmixer", True),
        ("efficientformer_l1", "efficientformer", True),
        ("vit_tiny_patch16_224", "vision_transformer", False),
        ("mixer_s16_224", "mlp_mixer", False),
        ("swin_t", "torchvision", False),
    ],
)
def test_what_is_convolutional(name: str, family: str, expected: bool) -> None:
    network, shape = build(Entry(name, family))
    with Mixing() as mixing:
        network(torch.empty(shape, device="meta"))
    assert mixing.is_convolutional is expected
