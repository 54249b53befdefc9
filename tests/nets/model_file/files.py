"""Model files as they should be, and forged ones."""

import json
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import safetensors.torch
import torch
from torch import Tensor

from lithe.arch import Architecture, Conv, DepthwiseSeparable, InvertedResidual
from lithe.errors import LitheError
from lithe.nets.build import Network, build
from lithe.nets.card import ModelCard, Preprocessing
from lithe.nets.model_data import digest
from lithe.nets.model_file import load

TINY = Architecture(
    name="tiny",
    rows=(Conv(k=3, s=2, c=8), DepthwiseSeparable(c=8), InvertedResidual(t=2, c=8)),
    resolution=16,
    num_classes=3,
    in_channels=1,
)


def card_of(described: Architecture, **changes: Any) -> ModelCard:
    channels = described.in_channels
    card = ModelCard(
        arch=described,
        classes=tuple(f"class {index}" for index in range(described.num_classes)),
        preprocessing=Preprocessing(described.resolution, (0.5,) * channels, (0.25,) * channels),
        seed=7,
        metrics={"val_accuracy": 0.875},
        data="squares",
    )
    return msgspec.structs.replace(card, **changes)


def drawn(arch: Architecture, seed: int = 0) -> Network:
    torch.manual_seed(seed)
    network = build(arch)
    network.train()
    network(torch.randn(4, arch.in_channels, arch.resolution, arch.resolution))  # moves statistics
    return network


def parts(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Header and tensors of a file's bytes."""
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    assert isinstance(header, dict)
    return header, data[end:]


def joined(header: dict[str, Any] | bytes, tensors: bytes) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + tensors


def forged(weights: dict[str, Tensor], card: bytes, **metadata: Any) -> bytes:
    """A file whose digest is right, whatever is in it."""
    types = {torch.float32: "F32", torch.int64: "I64"}
    spec = {n: (types.get(t.dtype, "F16"), tuple(t.shape)) for n, t in weights.items()}
    data = {n: (t.contiguous().view(-1).numpy().tobytes(),) for n, t in weights.items()}
    text = msgspec.json.encode(
        {"format": 1, "sha256": digest(card, spec, data), "card": msgspec.Raw(card)} | metadata
    )
    return safetensors.torch.save(weights, {"lithe": text.decode()})


def weights_of(arch: Architecture) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in build(arch).state_dict().items()}


def edited(card: ModelCard, edit: Callable[[dict[str, Any]], object]) -> bytes:
    """The card's JSON after an edit of its values."""
    values = msgspec.json.decode(msgspec.json.encode(card))
    edit(values)
    return msgspec.json.encode(values)


def refused(path: Path) -> str:
    """The one line that `load` refuses a file with; `read_card` may take it, or refuse it too."""
    with pytest.raises(LitheError) as caught:
        load(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


@contextmanager
def limited(which: int, soft: int) -> Iterator[None]:
    """This process under a resource limit; Python turns what breaks it into an error."""
    before = resource.getrlimit(which)
    resource.setrlimit(which, (soft, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(which, before)
