"""Squeeze-and-excite against torchvision's, and where it stands in a block."""

import pytest
import torch
from torch import nn

from lithe.arch import InvertedResidual, architecture, unroll
from lithe.nets.build import build
from lithe.nets.layers import SqueezeExcite
from lithe.nets.torchvision_compat import torchvision

NAMES = {"reduce": "fc1", "expand": "fc2"}


def test_it_computes_what_torchvisions_does() -> None:
    torch.manual_seed(0)
    ours = SqueezeExcite(72, 24)
    theirs = torchvision.ops.SqueezeExcitation(72, 24, scale_activation=nn.Hardsigmoid)
    for mine, other in NAMES.items():
        theirs.get_submodule(other).load_state_dict(ours.get_submodule(mine).state_dict())
    x = torch.randn(2, 72, 5, 7)
    assert torch.equal(ours(x), theirs(x))


def test_channels_are_rounded_as_the_papers_round_them() -> None:
    blocks = unroll(architecture("mobilenet_v2" + 7 * "-n1t3k3s", width=0.75))
    assert [block.c_squeezed for block in blocks if isinstance(block.row, InvertedResidual)] == [
        24, 16, 24, 24, 40, 56, 88,  # of 18, 12, 18, 18, 36, 54, 90
    ]  # fmt: skip
    assert not any(block.c_squeezed for block in unroll(architecture("mobilenet_v2")))


@pytest.mark.parametrize("name", ["mobilenet_v2" + 7 * "-n1t3k3s", "mobilenet_v1" + 9 * "-n1k3s"])
def test_it_stands_between_the_depthwise_convolution_and_the_last(name: str) -> None:
    """With its gates shut a block adds nothing to what it was given, if it passes that on."""
    network = build(architecture(name, width=0.25, resolution=16)).eval()
    block = network.blocks[2]
    gate = block.get_submodule("squeeze.expand")
    with torch.no_grad():
        gate.weight.zero_()  # type: ignore[operator]
        gate.bias.fill_(-10)  # type: ignore[operator]
        x = torch.randn(1, 3, 16, 16)
        for each in network.blocks[:2]:
            x = each(x)
        assert x.any()
        assert torch.equal(block(x), x if getattr(block, "adds_input", False) else 0 * block(x))
