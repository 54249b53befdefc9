"""A converted network in a file: out and in again, and which file is of which kind."""

import json
from pathlib import Path

import msgspec
import pytest
import torch
from tests.nets.conversion.files import ROWS, Net, of_library, own_card, own_network, refused
from tests.nets.model_file.files import TINY, card_of, drawn, joined, parts
from torch import nn

import lithe
from lithe.errors import LitheError
from lithe.nets import model_file
from lithe.nets.card import ConvertedCard, Preprocessing
from lithe.nets.cards import read_any_card, title_of
from lithe.nets.conversion import source as source_module
from lithe.nets.conversion.file import load_converted, save_converted
from lithe.nets.conversion.rewrite import rewritten
from lithe.nets.conversion.rows import Conversion


@pytest.mark.parametrize(
    "source", ["torchvision:resnet18", "torchvision:mobilenet_v3_small", "timm:test_resnet",
               "timm:test_vit", "mobilenet_v2_w0.25"],
)  # fmt: skip
def test_out_and_in_again(source: str, tmp_path: Path) -> None:
    network, conversion = of_library(source, 4)
    assert len(conversion.replacements) == 4
    if "vit" in source:
        conversion = msgspec.structs.replace(conversion, input_shape=(1, 3, 160, 160))
    side = conversion.input_shape[2]
    classes = ("a", "b", "c", "d")
    card = ConvertedCard(conversion, classes, Preprocessing(side, (0.5,) * 3, (0.2,) * 3), data="x")
    network.train()
    save_converted(tmp_path / "m", network, card)
    assert network.training, "saving leaves the network as it was"
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    loaded = lithe.load(tmp_path / "m")
    assert torch.equal(torch.rand(3), expected), "loading draws no random numbers"
    written = msgspec.structs.replace(card, lithe=lithe.__version__)
    assert loaded.card == read_any_card(tmp_path / "m") == written
    assert loaded.conversion == conversion
    assert type(loaded) is type(network)
    assert not any(module.training for module in loaded.modules())
    assert loaded.state_dict().keys() == network.state_dict().keys()
    for key, tensor in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], tensor), key
    x = torch.randn(2, *conversion.input_shape[1:])
    with torch.no_grad():
        assert torch.equal(loaded(x), network.eval()(x))
    save_converted(tmp_path / "again", loaded, written)
    assert (tmp_path / "again").read_bytes() == (tmp_path / "m").read_bytes()


def test_a_network_of_ones_own_is_given_and_only_copied(path: Path) -> None:
    original = Net().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    before = {name: tensor.clone() for name, tensor in original.state_dict().items()}
    loaded = load_converted(path, original)
    network = own_network()
    for name, tensor in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name
    x = torch.randn(2, 3, 8, 8)
    with torch.no_grad():
        assert torch.allclose(loaded(x), network.eval()(x), atol=1e-6)
    for name, tensor in original.state_dict().items():
        assert torch.equal(before[name], tensor), name


def test_it_exports_and_compiles(path: Path) -> None:
    loaded = load_converted(path, Net())
    x = torch.randn(1, 3, 8, 8)
    with torch.no_grad():
        expected = loaded(x)
        assert torch.equal(torch.export.export(loaded, (x,)).module()(x), expected)
    compiled = lithe.compile(loaded)  # it says itself what it takes
    (answer,) = [compiled(x.numpy())]
    assert torch.allclose(torch.as_tensor(answer), expected, atol=1e-5)


def test_titles() -> None:
    assert title_of(own_card()) == "mypackage.models:net, 1 layer converted"
    assert title_of(card_of(TINY)) == TINY.label


def test_no_storage_is_taken_before_the_tensors_are_compared(tmp_path: Path) -> None:
    """Not even where the library reads tensors on the way, as it does for RegNet."""
    for source in ("torchvision:resnet50", "torchvision:regnet_y_400mf", "timm:test_vit"):
        made = source_module._without_storage(Conversion(source, (1, 3, 32, 32), (), 1_000_000))
        assert all(weight.is_meta for weight in made.parameters()), source


# Which file is of which kind.


def test_code_runs_only_where_the_user_runs_it(path: Path) -> None:
    message = refused(path)
    assert "runs no code because a file names it" in message
    assert "lithe.load(path, network=mypackage.models.net())" in message


def test_each_kind_is_told_from_the_other(path: Path, tmp_path: Path) -> None:
    with pytest.raises(LitheError, match="holds a converted network, and that of a table is"):
        model_file.load(path)
    model_file.save(tmp_path / "table", drawn(TINY), card_of(TINY))
    with pytest.raises(LitheError, match="holds the network of a table, and a converted one is"):
        load_converted(tmp_path / "table")
    assert "needs no other; leave it out" in refused(tmp_path / "table", Net())
    assert isinstance(lithe.load(tmp_path / "table"), lithe.nets.build.Network)


def test_versions_that_know_tables_only_name_the_format(path: Path) -> None:
    header, _ = parts(path.read_bytes())
    assert json.loads(header["__metadata__"]["lithe"])["format"] == 3
    header["__metadata__"]["lithe"] = header["__metadata__"]["lithe"].replace(
        '"format":3', '"format":1'
    )
    path.write_bytes(joined(header, parts(path.read_bytes())[1]))
    assert "the card does not read" in refused(path)


class Other(Net):
    def __init__(self) -> None:
        super().__init__()
        self.more = nn.Linear(1, 1)


class Without(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)


class Named(Net):
    def __init__(self) -> None:
        super().__init__()
        self.card = nn.Identity()


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (Net(wide=6), r"norm.bias is F32 \[8\]|stem.weight is F32 \[8, 3, 3, 3\]"),
        (Other(), r"2 are missing \(such as more.bias\), 0 too many"),
        (Without(), "Without has no layer 'body'"),
        (rewritten(Net(), ROWS), "body is no nn.Conv2d or nn.Linear but SeparableConv"),
        (Net().half(), r"stem.weight is F32 .* needs torch.float16"),
        (Named(), "a part called card"),
    ],
)
def test_another_network_than_the_one_that_was_converted(
    path: Path, network: nn.Module, message: str
) -> None:
    import re

    assert re.search(message, refused(path, network))
