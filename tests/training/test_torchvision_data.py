"""Data sets of torchvision: read from files as it keeps them, or one clear line."""

import struct
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.data_sets import draw

from lithe.errors import LitheError
from lithe.nets.torchvision_compat import datasets
from lithe.progress import SILENT
from lithe.training.images import open_data
from lithe.training.torchvision_data import DATASETS, open_torchvision


@pytest.fixture
def downloads(tmp_path: Path) -> Iterator[Path]:
    """Where torch keeps what it downloads, for one test."""
    before = torch.hub.get_dir()
    torch.hub.set_dir(str(tmp_path / "hub"))
    yield tmp_path / "datasets"
    torch.hub.set_dir(before)


def write_mnist(folder: Path, part: str, labels: list[int]) -> None:
    """The two files of one part in the format in which MNIST is published."""
    folder.mkdir(parents=True, exist_ok=True)
    pixels = np.stack(
        [np.asarray(draw(label, i, sides=(28, 28), grey=True)) for i, label in enumerate(labels)]
    )
    count = len(labels)
    (folder / f"{part}-images-idx3-ubyte").write_bytes(
        struct.pack(">4i", 0x803, count, 28, 28) + pixels.tobytes()
    )
    (folder / f"{part}-labels-idx1-ubyte").write_bytes(
        struct.pack(">2i", 0x801, count) + bytes(labels)
    )


def test_files_of_an_earlier_download_are_read(downloads: Path) -> None:
    write_mnist(downloads / "MNIST/raw", "train", [0, 1, 2, 9] * 3)
    write_mnist(downloads / "MNIST/raw", "t10k", [3, 1])
    data = open_data("torchvision:MNIST")
    assert (data.name, data.channels, data.typical_side) == ("MNIST", 1, 28)
    assert len(data.classes) == 10
    assert data.classes[3].startswith("3")
    assert Counter(data.train.labels) == {0: 3, 1: 3, 2: 3, 9: 3}
    assert data.held_out.labels == (3, 1)
    assert data.held_out.name(1) == "MNIST test 1"
    expected = draw(9, 3, sides=(28, 28), grey=True)
    assert np.array_equal(np.asarray(data.train.image(3)), np.asarray(expected))


def test_a_data_set_without_a_test_part_is_split(downloads: Path) -> None:
    for name in ("Forest", "River"):
        folder = downloads / "eurosat/2750" / name
        folder.mkdir(parents=True)
        for number in range(5):
            draw(number, number).save(folder / f"{name}_{number}.jpg")
    data = open_data("torchvision:EuroSAT")
    assert (data.classes, data.channels) == (("Forest", "River"), 3)
    assert Counter(data.held_out.labels) == {0: 1, 1: 1}


def test_without_files_and_network_it_is_one_quick_line(
    downloads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A proxy that is not there makes every machine one without network.
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(LitheError) as raised:
        open_data("torchvision:CIFAR10")
    text = str(raised.value)
    assert text.startswith("torchvision:CIFAR10 is not in ")
    assert "cannot be downloaded" in text
    assert "\n" not in text


def test_an_unknown_name_offers_the_nearest() -> None:
    with pytest.raises(LitheError, match="did you mean torchvision:CIFAR10 or"):
        open_torchvision("cifar10", SILENT)


@pytest.mark.parametrize("name", DATASETS)
def test_every_name_is_torchvisions_and_takes_these_options(name: str, tmp_path: Path) -> None:
    for options in DATASETS[name]:
        # Nothing is there, which it only finds out after it has accepted the options.
        with pytest.raises((RuntimeError, OSError)):
            getattr(datasets, name)(root=str(tmp_path), download=False, **options)
