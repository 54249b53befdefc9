"""Small networks with cards, to test with what needs a model file."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from lithe.arch import architecture
from lithe.nets.build import Network, build
from lithe.nets.card import ConvertedCard, ModelCard
from lithe.nets.conversion.file import load_converted, save_converted
from lithe.nets.conversion.rewrite import rewritten
from lithe.nets.conversion.rows import Conversion, Replacement
from lithe.nets.libraries import from_library
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


def make_converted_file(path: Path, classes: Sequence[str], *, data: str = "") -> Path:
    """A small network of timm's for images of 32 pixels, two of its convolutions replaced."""
    torch.manual_seed(0)
    original = from_library("timm", "test_resnet", num_classes=len(classes))
    layers = [name for name, part in original.named_modules() if isinstance(part, nn.Conv2d)]
    rows = (Replacement(layers[1], "separable", 2), Replacement(layers[2], "low-rank", 3))
    network = rewritten(original, rows)
    with torch.no_grad():  # batch norms as they are drawn let nothing through in the end
        for part in network.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.weight.fill_(1.0)
        classifier = network.get_submodule("fc")
        assert isinstance(classifier, nn.Linear)
        classifier.weight.mul_(30)
    card = ConvertedCard(
        Conversion("timm:test_resnet", (1, 3, 32, 32), rows, len(classes)),
        tuple(classes),
        preprocessing(32, 3),
        data=data,
    )
    save_converted(path, network, card)
    return path


def converted_network(path: Path) -> tuple[nn.Module, ConvertedCard]:
    """The network of such a file, and its card."""
    network = load_converted(path)
    card = network.card
    assert isinstance(card, ConvertedCard)
    return network, card
