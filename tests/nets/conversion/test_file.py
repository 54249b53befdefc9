"""A converted network in a file: out and in again, and what is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.nets.model_file.files import TINY, card_of, drawn, forged, joined, parts
from torch import nn

import lithe
from lithe.errors import LitheError
from lithe.nets import model_file
from lithe.nets.build import create
from lithe.nets.card import ConvertedCard, Preprocessing
from lithe.nets.cards import read_any_card, title_of
from lithe.nets.conversion import source as source_module
from lithe.nets.conversion.file import load_converted, save_converted
from lithe.nets.conversion.places import kinds_for
from lithe.nets.conversion.rewrite import rewritten
from lithe.nets.conversion.rows import Conversion, Replacement
from lithe.nets.libraries import from_library

SOURCE = "mypackage.models:net"


class Net(nn.Module):
    """Of the user's own; `made` is the function that its source names."""

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


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    save_converted(path, own_network(), own_card())
    return path


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


# What is saved comes back.


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


# What cannot be loaded is not saved.


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


# Files that were damaged or forged.


def test_flipped_cut_and_inserted_bytes(path: Path) -> None:
    data = path.read_bytes()
    weights = {name: t.clone() for name, t in load_converted(path, Net()).state_dict().items()}
    start = 8 + int.from_bytes(data[:8], "little")
    places = st.one_of(st.integers(0, start + 40), st.integers(0, len(data) - 1))

    @settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
    @given(places, st.integers(1, 255), st.sampled_from(["flip", "cut", "insert"]))
    def damaged(place: int, mask: int, how: str) -> None:
        whole = bytearray(data)
        whole[place] ^= mask
        if how == "cut":
            whole = whole[:place]
        elif how == "insert":
            whole = bytearray(data[:place] + bytes([mask]) + data[place:])
        path.write_bytes(whole)
        try:
            state = lithe.load(path, Net()).state_dict()
        except LitheError as error:
            assert "\n" not in str(error)
            assert str(path) in str(error)
            return
        assert how != "cut"
        assert all(torch.equal(weights[name], tensor) for name, tensor in state.items())

    damaged()


def edited_card(**changes: Any) -> bytes:
    values = msgspec.json.decode(msgspec.json.encode(own_card()))
    for at, value in changes.items():
        inner, *names = at.split("__")
        target = values if not names else values[inner]
        target[names[-1] if names else inner] = value
    return msgspec.json.encode(values)


ROW = {"layer": "body", "kind": "separable", "size": 2}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": ["a\u001b", "b"]}, "control characters"),
        ({"classes": []}, "the card does not read"),
        ({"classes": ["a"], "conversion__outputs": 2}, "the card has 1 classes"),
        ({"conversion__outputs": 2**70}, "the card does not read|2 classes, and its network"),
        ({"conversion__input_shape": [1, 3, 2**40, 2**40]}, "converted for images of"),
        ({"conversion__input_shape": []}, "converted for images of"),
        ({"preprocessing__std": [0.5]}, "1 channels in preprocessing.std"),
        ({"conversion__source": "os:system"}, "runs no code because a file names it"),
        ({"conversion__source": "torchvision:resnet"}, "has no network 'resnet'; did you mean"),
        ({"conversion__source": "no_such_table"}, "no_such_table"),
        ({"conversion__source": "mobilenet_v2_w999999"}, "width"),
        ({"conversion__source": "mobilenet_v1"}, "MobileNet|no layer 'body'"),
        ({"conversion__source": "torchvision:resnet18"}, "no layer 'body'"),
        ({"conversion__source": "\x1b[2J\n:x"}, "runs no code"),
        ({"conversion__replacements": [ROW | {"layer": "\n"}]}, "no layer"),
        ({"conversion__replacements": [ROW | {"size": 65_536}]}, "9? is the largest"),
        ({"conversion__replacements": [ROW | {"size": 0}]}, "the card does not read"),
        ({"conversion__replacements": [ROW | {"kind": "other"}]}, "the card does not read"),
        (
            {"conversion__replacements": [ROW | {"kind": "inverted-residual", "size": 65_536}]},
            "tensors are not those of the given Net",
        ),
    ],
)
def test_forged_cards_with_their_digest_made_right(
    path: Path, changes: dict[str, Any], message: str
) -> None:
    import re

    weights = {name: t.clone() for name, t in own_network().state_dict().items()}
    path.write_bytes(forged(weights, edited_card(**changes), format=3))
    ours = "source" not in "".join(changes)
    assert re.search(message, refused(path, Net() if ours else None))


def test_a_forged_file_without_its_weights_or_with_bad_ones(path: Path) -> None:
    weights = {name: t.clone() for name, t in own_network().state_dict().items()}
    card = edited_card()
    path.write_bytes(forged(weights, card, format=3))
    lithe.load(path, Net())  # so forged as it should be
    path.write_bytes(
        forged(weights | {"head.bias": torch.tensor([0.0, torch.inf])}, card, format=3)
    )
    assert "1 of 2 values of head.bias are not finite" in refused(path, Net())
    del weights["body.depthwise.weight"]
    path.write_bytes(forged(weights, card, format=3))
    assert "1 are missing (such as body.depthwise.weight), 0 too many" in refused(path, Net())
