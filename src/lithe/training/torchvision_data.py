"""Data sets that torchvision knows how to download, as images of ours."""

import contextlib
import io
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from lithe.errors import LitheError
from lithe.nets.torchvision_compat import datasets
from lithe.progress import Progress
from lithe.training.decode import upright
from lithe.training.image_set import ImageSet

PREFIX = "torchvision:"
CONNECT_S = 10.0  # without an answer for so long, the network is taken to be closed


@dataclass(frozen=True, slots=True)
class TorchvisionImages:
    """The images of one torchvision data set; its files were verified by their checksums."""

    title: str
    dataset: Any
    labels: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def image(self, index: int, at_least: int | None = None) -> Image.Image:
        """The image as torchvision gives it, in mode `L` or `RGB`."""
        return upright(self.dataset[index][0])

    def name(self, index: int) -> str:
        """The title and the number."""
        return f"{self.title} {index}"


def open_torchvision(
    name: str, progress: Progress, folder: Path | None = None
) -> tuple[tuple[str, ...], ImageSet, ImageSet | None]:
    """The classes, the images to train on, and those that the data set holds out, if any.

    Args:
        name: a key of `DATASETS`.
        progress: where to say that something is downloaded.
        folder: where the files are kept; None: beside torch's other downloads.

    Raises:
        LitheError: an unknown name (the nearest are offered), or files that are neither
            there nor can be downloaded.
    """
    if name not in DATASETS:
        near = get_close_matches(name, DATASETS, n=3, cutoff=0.4) or list(DATASETS)
        raise LitheError(
            f"unknown data set {PREFIX}{name}; did you mean"
            f" {' or '.join(PREFIX + other for other in near)}?"
        )
    folder = folder or Path(torch.hub.get_dir()).parent / "datasets"
    opened = [_open(name, options, folder, progress) for options in DATASETS[name]]
    sets = [
        TorchvisionImages(f"{name} {part}", dataset, _labels(dataset))
        for part, dataset in zip(("train", "test"), opened, strict=False)
    ]
    return _classes(opened[0], sets), sets[0], sets[1] if len(sets) > 1 else None


def _open(name: str, options: Mapping[str, Any], folder: Path, progress: Progress) -> Any:
    make = getattr(datasets, name)
    try:
        return make(root=str(folder), download=False, **options)
    except (OSError, RuntimeError):  # not there
        progress.say(f"downloading {name} into {folder}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _answered_soon(), _hushed():
            return make(root=str(folder), download=True, **options)
    except (OSError, RuntimeError) as error:
        reason = " ".join(str(getattr(error, "reason", error)).split())
        raise LitheError(
            f"{PREFIX}{name} is not in {str(folder)!r} and cannot be downloaded ({reason});"
            " connect to the network, or give a folder of class folders"
        ) from None


@contextlib.contextmanager
def _answered_soon() -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(CONNECT_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """Without torchvision's messages, and without its bars where there is no terminal."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        if not sys.stderr.isatty():
            stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
        yield


def _labels(dataset: Any) -> tuple[int, ...]:
    for field in ("targets", "labels", "_labels"):
        found = getattr(dataset, field, None)
        if found is not None:
            return tuple(int(label) for label in found)
    return tuple(int(label) for _, label in dataset._samples)


def _classes(dataset: Any, sets: Sequence[ImageSet]) -> tuple[str, ...]:
    count = 1 + max(max(images.labels) for images in sets)
    names = getattr(dataset, "classes", ())
    if len(names) < count:  # SVHN and GTSRB have numbers only
        names = range(count)
    # Imagenette has several words for each class; the first is the usual one.
    return tuple(name[0] if isinstance(name, tuple) else str(name) for name in names)


_TRAIN_TEST: tuple[Mapping[str, Any], ...] = ({"train": True}, {"train": False})
_SPLIT_TRAIN_TEST: tuple[Mapping[str, Any], ...] = ({"split": "train"}, {"split": "test"})

# The name, and the options of the part to train on and of the part to hold out; a data set
# with one part has none of its own to hold out.
DATASETS: dict[str, tuple[Mapping[str, Any], ...]] = {
    "CIFAR10": _TRAIN_TEST,
    "CIFAR100": _TRAIN_TEST,
    "MNIST": _TRAIN_TEST,
    "FashionMNIST": _TRAIN_TEST,
    "KMNIST": _TRAIN_TEST,
    "USPS": _TRAIN_TEST,
    "SVHN": _SPLIT_TRAIN_TEST,
    "STL10": _SPLIT_TRAIN_TEST,
    "GTSRB": _SPLIT_TRAIN_TEST,
    "DTD": _SPLIT_TRAIN_TEST,
    "Food101": _SPLIT_TRAIN_TEST,
    "Flowers102": _SPLIT_TRAIN_TEST,
    "FGVCAircraft": ({"split": "trainval"}, {"split": "test"}),
    "OxfordIIITPet": ({"split": "trainval"}, {"split": "test"}),
    "Imagenette": ({"split": "train"}, {"split": "val"}),
    "EuroSAT": ({},),
}
