"""A converted network that could not be loaded from a file is not put into one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from tests.nets.conversion.files import of_library
from torch import nn

from lithe.errors import LitheError
from lithe.nets.card import ConvertedCard, Preprocessing
from lithe.nets.conversion.file import save_converted
from lithe.nets.conversion.rows import Conversion


def other_stride(network: nn.Module) -> None:
    network.maxpool = nn.MaxPool2d(3, 1, 1)


def nan(network: nn.Module) -> None:
    with torch.no_grad():
        network.get_submodule("fc").bias[1] = torch.nan  # type: ignore[operator]


def set_row(**changes: Any) -> Callable[[Conversion], Conversion]:
    def change(conversion: Conversion) -> Conversion:
        first, *rest = conversion.replacements
        rows = (msgspec.structs.replace(first, **changes), *rest)
        return msgspec.structs.replace(conversion, replacements=rows)

    return change


@pytest.mark.parametrize(
    ("edit", "change", "message"),
    [
        (nan, None, "1 of 4 values of fc.bias are not finite"),
        (other_stride, None, "timm:test_resnet, built anew and with its weights, answers otherwi"),
        (lambda net: net.half(), None, "is torch.float16; a model file takes weights in fp32"),
        (lambda net: setattr(net, "more", nn.Linear(1, 1)), None, "0 are missing, 2 too many"),
        (lambda net: setattr(net, "fc", nn.Linear(99, 4)), None, "does not run on an input of"),
        (lambda net: setattr(net, "fc", nn.Identity()), None, r"answer .* has the shape"),
        (lambda net: None, set_row(size=3), "is separable of size 2, and the conversion says"),
        (lambda net: None, set_row(kind="low-rank"), "says low-rank of size 2"),
        (lambda net: None, set_row(layer="fc"), "fc is Linear of size 2"),
        (lambda net: None, set_row(layer="nowhere"), "ResNet has no layer 'nowhere'"),
        (
            lambda net: None,
            lambda c: msgspec.structs.replace(c, replacements=c.replacements[:1]),
            "tensors are not those of timm:test_resnet converted",
        ),
        (
            lambda net: None,
            lambda c: msgspec.structs.replace(c, replacements=c.replacements * 2),
            "is replaced twice",
        ),
        (
            lambda net: None,
            lambda c: msgspec.structs.replace(c, source="timm:test_resnett"),
            "timm has no network 'test_resnett'; did you mean test_resnet",
        ),
        (
            lambda net: None,
            lambda c: msgspec.structs.replace(c, outputs=5),
            "the card has 4 classes, and its network 5 outputs",
        ),
        (
            lambda net: None,
            lambda c: msgspec.structs.replace(c, input_shape=(1, 3, 48, 48)),
            "the network was converted for images of",
        ),
    ],
)
def test_what_cannot_be_loaded_is_not_saved(
    path: Path,
    edit: Callable[[nn.Module], object],
    change: Callable[[Conversion], Conversion] | None,
    message: str,
) -> None:
    before = path.read_bytes()
    network, conversion = of_library("timm:test_resnet", 2)
    edit(network)
    conversion = change(conversion) if change else conversion
    preprocessing = Preprocessing(32, (0.5,) * 3, (0.2,) * 3)
    with pytest.raises(LitheError, match=message) as caught:
        save_converted(path, network, ConvertedCard(conversion, tuple("abcd"), preprocessing))
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
