"""Labelled images, read when they are asked for, and split so that every class is on both sides."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from lithe.errors import LitheError
from lithe.training.decode import read_image, upright
from lithe.training.folder import quoted, shown


class ImageSet(Protocol):
    """Labelled images in a fixed order; nothing is in memory that need not be."""

    @property
    def labels(self) -> tuple[int, ...]:
        """The class of each image, an index into the classes of its data."""
        ...

    def __len__(self) -> int:
        """How many images there are."""
        ...

    def image(self, index: int, at_least: int | None = None) -> Image.Image:
        """One image, upright, mode `L` or `RGB`.

        `at_least`: it may come smaller than it is, as long as its shorter side keeps this
        many pixels (see `lithe.training.decode.read_image`).
        """
        ...

    def name(self, index: int) -> str:
        """What the image is called: its path in its folder, or `digits 17`."""
        ...


@dataclass(frozen=True, slots=True)
class FileImages:
    """Images in files, named relative to `root`."""

    root: Path
    files: tuple[str, ...]
    labels: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.files)

    def path(self, index: int) -> Path:
        """Where the image lies."""
        return self.root / self.files[index]

    def image(self, index: int, at_least: int | None = None) -> Image.Image:
        """Read the file.

        Raises:
            LitheError: it cannot be read; the message names it.
        """
        try:
            return read_image(self.path(index), at_least)
        except LitheError as error:
            raise LitheError(f"cannot read the image {self.name(index)!r}: {error}") from None

    def name(self, index: int) -> str:
        """The file's path in its folder."""
        return shown(self.files[index])


@dataclass(frozen=True, slots=True)
class ArrayImages:
    """Images in memory, for small data: `pixels` is (n, h, w) or (n, h, w, 3), uint8."""

    title: str
    pixels: npt.NDArray[np.uint8]
    labels: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.pixels)

    def image(self, index: int, at_least: int | None = None) -> Image.Image:
        """A copy of the pixels."""
        return upright(Image.fromarray(self.pixels[index]))

    def name(self, index: int) -> str:
        """The title and the number."""
        return f"{self.title} {index}"


@dataclass(frozen=True, slots=True)
class Selection:
    """Some images of another set, in the order of `indices`; see `select`."""

    images: ImageSet
    indices: tuple[int, ...]
    labels: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.indices)

    def image(self, index: int, at_least: int | None = None) -> Image.Image:
        """The image of the other set."""
        return self.images.image(self.indices[index], at_least)

    def name(self, index: int) -> str:
        """Its name in the other set."""
        return self.images.name(self.indices[index])


def in_memory(images: ImageSet) -> bool:
    """Whether reading an image costs nothing, so that no process need be started for it."""
    return isinstance(images, ArrayImages) or (
        isinstance(images, Selection) and in_memory(images.images)
    )


def spread(images: int, count: int) -> tuple[int, ...]:
    """The indices of `count` of so many images, or of all, at even distances.

    >>> spread(10, 4), spread(2, 5)
    ((0, 2, 5, 7), (0, 1))
    """
    count = min(count, images)
    return tuple(index * images // count for index in range(count))


def select(images: ImageSet, indices: Sequence[int]) -> ImageSet:
    """The images at these indices, with their labels and names."""
    labels = images.labels
    return Selection(images, tuple(indices), tuple(labels[index] for index in indices))


def relabel(images: ImageSet, classes: Sequence[str], to: Sequence[str]) -> ImageSet:
    """The same images, with labels that index the classes of a model, matched by name.

    Args:
        images: labelled by index into `classes`.
        classes: the names of the images' classes.
        to: the model's classes; it may have more, in any order.

    Raises:
        LitheError: a class of the images is not in `to`; both are named.
    """
    if tuple(classes) == tuple(to):
        return images
    index = {name: i for i, name in enumerate(to)}
    unknown = [name for name in classes if name not in index]
    if unknown:
        raise LitheError(
            f"the images have the class{'es' if len(unknown) > 1 else ''} {quoted(unknown)},"
            f" which the model does not know; its classes are {quoted(to)}"
        )
    labels = tuple(index[classes[label]] for label in images.labels)
    return Selection(images, tuple(range(len(images))), labels)


def split(images: ImageSet, share: float, seed: int) -> tuple[ImageSet, ImageSet]:
    """Draw a share of every class; the rest first, the share second.

    A class gives round(share * n) of its n images, but at least one and not all of them, so
    that a class of two or more is on both sides; a class of one stays on the first. Both
    sides keep the order of `images`.

    Raises:
        LitheError: the share is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise LitheError(f"a share of {share:g} cannot be held out; give one between 0 and 1")
    from sklearn.model_selection import train_test_split  # over a second: only when needed

    labels = np.asarray(images.labels)
    random = np.random.RandomState(seed % 2**32)
    taken: list[int] = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        count = min(max(1, round(share * len(members))), len(members) - 1)
        if count:
            taken.extend(train_test_split(members, test_size=count, random_state=random)[1])
    rest = np.setdiff1d(np.arange(len(labels)), taken)
    return select(images, rest.tolist()), select(images, sorted(int(i) for i in taken))
