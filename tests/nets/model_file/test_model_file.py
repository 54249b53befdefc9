"""A model file: out and in again, and what interrupts it."""

import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import safetensors.torch
import torch
from tests.nets.model_file.files import TINY, card_of, drawn, limited, parts

from lithe import __version__
from lithe.arch import (
    ARCHITECTURES,
    Architecture,
    Conv,
    DepthwiseSeparable,
    architecture,
    changed,
)
from lithe.errors import LitheError
from lithe.nets.build import Network, build
from lithe.nets.card import Preprocessing
from lithe.nets.model_data import read_card
from lithe.nets.model_file import load, save

# What is saved comes back.


@pytest.mark.parametrize("name", [pytest.param("tiny", marks=pytest.mark.smoke), *ARCHITECTURES])
def test_out_and_in_again(name: str, tmp_path: Path) -> None:
    arch = TINY if name == "tiny" else architecture(name, width=0.25, resolution=16, num_classes=3)
    network, path = drawn(arch), tmp_path / "model.safetensors"
    save(path, network, card_of(arch))
    assert network.training, "saving leaves the network as it was"
    loaded = load(path)
    assert loaded.card == read_card(path) == card_of(arch, lithe=__version__)
    assert loaded.arch == arch
    assert not loaded.training
    assert not any(module.training for module in loaded.modules())
    assert loaded.state_dict().keys() == network.state_dict().keys()
    for key, tensor in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], tensor), key
    assert all(parameter.requires_grad for parameter in loaded.parameters())
    x = torch.randn(2, arch.in_channels, arch.resolution, arch.resolution)
    with torch.no_grad():
        assert torch.equal(loaded(x), network.eval()(x))


@pytest.mark.parametrize(
    ("arch", "version"),
    [
        (TINY, 1),
        (changed(TINY, activation="relu"), 1),
        (changed(TINY, activation="hard_swish"), 2),
        (changed(TINY, rows=[TINY.rows[0], DepthwiseSeparable(c=8, squeeze=4)]), 2),
        (changed(TINY, rows=[Conv(k=3, c=8, act="relu6")]), 2),
    ],
)
def test_a_file_is_of_the_oldest_format_that_can_say_it(
    arch: Architecture, version: int, tmp_path: Path
) -> None:
    """Versions of lithe that know no squeeze-and-excite read what has none."""
    save(tmp_path / "m", drawn(arch), card_of(arch))
    metadata = parts((tmp_path / "m").read_bytes())[0]["__metadata__"]["lithe"]
    assert msgspec.json.decode(metadata)["format"] == version
    assert ('"act"' in metadata or '"squeeze"' in metadata) <= (version == 2)
    assert load(tmp_path / "m").arch == arch


def test_loaded_networks_can_be_saved_and_trained_again(path: Path, tmp_path: Path) -> None:
    loaded = load(path)
    assert loaded.card is not None
    save(tmp_path / "again.safetensors", loaded, loaded.card)
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()
    loaded.train()(torch.randn(2, 1, 16, 16)).sum().backward()


def test_the_safetensors_package_reads_the_file(path: Path) -> None:
    plain = safetensors.torch.load_file(path)
    for name, tensor in load(path).state_dict().items():
        assert torch.equal(plain[name], tensor)


def test_loading_draws_no_random_numbers(path: Path) -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    load(path)
    assert torch.equal(torch.rand(3), expected)


def test_names_of_classes_are_any_text(tmp_path: Path) -> None:
    classes = ("Кот", '"quoted", \\ and / ', "🐈 ")
    save(tmp_path / "m", drawn(TINY), card_of(TINY, classes=classes))
    loaded = load(tmp_path / "m").card
    assert loaded is not None
    assert loaded.classes == classes


def test_weights_in_another_memory_layout_are_saved_as_they_read(tmp_path: Path) -> None:
    network = drawn(TINY)
    save(tmp_path / "a", network, card_of(TINY))
    save(tmp_path / "b", network.to(memory_format=torch.channels_last), card_of(TINY))  # type: ignore[call-overload]
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


# What cannot be loaded is not saved.


def nan_in_weights(network: Network) -> None:
    with torch.no_grad():
        network.classifier.weight[1, 2] = torch.nan
        network.classifier.weight[2, 2] = torch.inf


@pytest.mark.parametrize(
    ("edit", "changes", "message"),
    [
        (nan_in_weights, {}, "2 of 24 values of classifier.weight are not finite"),
        (lambda network: network.half(), {}, r"torch.float16 .* needs F32"),
        (lambda network: setattr(network, "dropout", torch.nn.Linear(1, 1)), {}, "2 too many"),
        (lambda network: None, {"classes": ("a", "b")}, "the card has 2 classes, .* has 3"),
        (lambda network: None, {"classes": ("a", "b", "c\n")}, r"class 'c\\n' has control char"),
        (lambda network: None, {"classes": ("a", "b", "\udcff")}, r"'\\udcff' is not text"),
        (lambda network: None, {"metrics": {"val_loss": float("nan")}}, "metric val_loss is nan"),
        (lambda network: None, {"arch": ARCHITECTURES["mobilenet_v1"]}, "make the card from"),
        (
            lambda network: None,
            {"preprocessing": Preprocessing(8, (0.5,), (0.5,))},
            "8 pixels as preprocessing.resolution",
        ),
        (
            lambda network: None,
            {"preprocessing": Preprocessing(16, (0.5, 0.5, 0.5), (0.5,))},
            "3 channels in preprocessing.mean, and its table has 1",
        ),
        (
            lambda network: None,
            {"preprocessing": Preprocessing(16, (0.5,), (0.5, 0.1))},
            "2 channels in preprocessing.std, and its table has 1",
        ),
        (
            lambda network: None,
            {"preprocessing": Preprocessing(16, (0.5,), (float("inf"),))},
            r"preprocessing.std\[0\] is inf",
        ),
        (
            lambda network: None,
            {"preprocessing": Preprocessing(16, (0.5,), (0.0,))},
            r"Expected `float` > 0.0 - at `\$.preprocessing.std",
        ),
    ],
)
def test_what_cannot_be_loaded_is_not_saved(
    path: Path, edit: Callable[[Network], object], changes: dict[str, Any], message: str
) -> None:
    before = path.read_bytes()
    network = drawn(TINY)
    edit(network)
    with pytest.raises(LitheError, match=message):
        save(path, network, card_of(TINY, **changes))
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_more_class_names_than_a_header_holds(tmp_path: Path) -> None:
    arch = msgspec.structs.replace(TINY, num_classes=100_000)
    classes = tuple(f"{index:0200d}" for index in range(100_000))
    with pytest.raises(LitheError, match="the names of 100,000 classes need a header"):
        save(tmp_path / "m", build(arch), card_of(arch, classes=classes))
    assert not list(tmp_path.iterdir())


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(LitheError, match="No such file or directory"):
        save(tmp_path / "none" / "m", drawn(TINY), card_of(TINY))


# A file is there whole or not at all.


def test_a_disk_that_fills_up_keeps_the_old_file(path: Path) -> None:
    before = path.read_bytes()
    network = drawn(TINY, seed=1)
    with (
        limited(resource.RLIMIT_FSIZE, 4096),
        pytest.raises(LitheError, match=f"no space left for {path}"),
    ):
        save(path, network, card_of(TINY))
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


SAVES = """
import sys
sys.path.insert(0, sys.argv[1])
from test_model_file import TINY, card_of, drawn, save
networks = drawn(TINY, seed=1), drawn(TINY, seed=2)
for turn in range(100_000):
    save(sys.argv[2], networks[turn % 2], card_of(TINY, seed=turn % 2))
    print(turn, flush=True)
"""


@pytest.mark.parametrize("saves", [3, 8])
def test_killed_while_saving_the_file_is_one_of_the_two(path: Path, saves: int) -> None:
    command = [sys.executable, "-c", SAVES, str(Path(__file__).parent), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(saves)] == [
            f"{turn}\n" for turn in range(saves)
        ]
        process.kill()
    card = load(path).card
    assert card is not None
    assert card.seed in (0, 1)
