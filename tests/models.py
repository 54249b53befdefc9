"""Small networks with cards, to test with what needs a model file."""

from collections.abc import Sequence
from pathlib import Path

import torch

from lithe.arch import architecture
from lithe.nets.build import Network, build
from lithe.nets.card import ModelCard
from lithe.nets.model_file import save
from lithe.training.transforms import preprocessing


def make_network(
    classes: Sequence[str],
    *,
    channels: int = 3,
    resolution: int = 16,
    data: str = "",
    seed: int = 0,
) -> Network:
    """A network with random weights and a card, in eval mode."""
    torch.manual_seed(seed)
    arch = architecture(
        "mobilenet_v1",
        width=0.25,
        resolution=resolution,
        num_classes=len(classes),
        in_channels=channels,
    )
    network = build(arch)
    with torch.no_grad():  # a plain classifier says nearly the same of everything
        network.classifier.weight.mul_(300)
    network.card = ModelCard(
        arch=arch,
        classes=tuple(classes),
        preprocessing=preprocessing(resolution, channels),
        data=data,
    )
    return network.eval()


def make_model_file(path: Path, network: Network) -> Path:
    """The network in a file."""
    assert network.card is not None
    save(path, network, network.card)
    return path
