"""Files of converted networks: one of the user's own and those of libraries."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from torch import nn

import lithe
from lithe.errors import LitheError
from lithe.nets.build import create
from lithe.nets.card import ConvertedCard, Preprocessing
from lithe.nets.conversion.places import kinds_for
from lithe.nets.conversion.rewrite import rewritten
from lithe.nets.conversion.rows import Conversion, Replacement
from lithe.nets.libraries import from_library

SOURCE = "mypackage.models:net"


class Net(nn.Module):
    """Of the user's own."""

    def __init__(self, wide: int = 8) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, wide, 3, padding=1)
        self.norm = nn.BatchNorm2d(wide)
        self.body = nn.Conv2d(wide, wide, 3, padding=1)
        self.head = nn.Linear(wide, 2)
        self.scale: torch.Tensor
        self.register_buffer("scale", torch.tensor(2.0), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm(self.stem(x)).relu() * self.scale
        logits: torch.Tensor = self.head(self.body(x).relu().mean((2, 3)))
        return logits


ROWS = (Replacement("body", "separable", 2),)


def own_card(**changes: Any) -> ConvertedCard:
    card = ConvertedCard(
        Conversion(SOURCE, (1, 3, 8, 8), ROWS),
        ("cat", "dog"),
        Preprocessing(8, (0.5,) * 3, (0.25,) * 3),
        seed=3,
        metrics={"val_accuracy": 0.75},
        data="squares",
    )
    return msgspec.structs.replace(card, **changes)


def own_network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    network = rewritten(Net(), ROWS)
    network.train()(torch.randn(4, 3, 8, 8))  # moves statistics and the count of batches
    return network


def refused(path: Path, network: nn.Module | None = None) -> str:
    with pytest.raises(LitheError) as caught:
        lithe.load(path, network)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def of_library(source: str, count: int) -> tuple[nn.Module, Conversion]:
    """A small network with the first few convolutions that can be replaced, by each kind."""
    torch.manual_seed(0)
    if source.startswith("mobilenet"):
        network: nn.Module = create("mobilenet_v2", width=0.25, resolution=32, num_classes=4)
    else:
        library, _, name = source.partition(":")
        network = from_library("timm" if library == "timm" else "torchvision", name, 4)
    rows: list[Replacement] = []
    for name, part in network.named_modules():
        kinds = kinds_for(part) if type(part) in (nn.Conv2d, nn.Linear) else ()
        if kinds and len(rows) < count:
            rows.append(Replacement(name, kinds[len(rows) % len(kinds)], 2))
    conversion = Conversion(source, (1, 3, 32, 32), tuple(rows), 4)
    return rewritten(network, rows, carry=False), conversion
