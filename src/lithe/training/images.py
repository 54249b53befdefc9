"""From what the user names to images: `digits`, a folder, or a torchvision data set."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from statistics import median_low

import numpy as np

from lithe.errors import LitheError
from lithe.progress import SILENT, Progress
from lithe.training.check import check
from lithe.training.decode import is_grey
from lithe.training.folder import Tree, find_layout, is_folder, quoted, read_tree, shown
from lithe.training.image_set import ArrayImages, FileImages, ImageSet, relabel, split
from lithe.training.torchvision_data import PREFIX, open_torchvision

__all__ = ["FoundImages", "ImageData", "ImageSet", "find_images", "open_data", "split"]

DIGITS = "digits"
HELD_OUT = 0.2  # the share of every class that is held out where the data do not say
SURVEYED = 200  # images of a published data set that are looked at for colour and size


@dataclass(frozen=True, slots=True)
class FoundImages:
    """Labelled images as they were found; `held_out` is None where they have no such part.

    The other fields are those of `ImageData`.
    """

    name: str
    classes: tuple[str, ...]
    channels: int
    typical_side: int
    images: ImageSet
    held_out: ImageSet | None


@dataclass(frozen=True, slots=True)
class ImageData:
    """The images to train on, and those held out to measure with.

    Attributes:
        name: what the data are called: the folder's name, `digits`, or torchvision's name.
        classes: names, in the order of the labels of both sets.
        channels: 1 if no image shows any colour, else 3.
        typical_side: the median of the shorter sides, in pixels.
        train: the images to train on.
        held_out: the images to measure with.
    """

    name: str
    classes: tuple[str, ...]
    channels: int
    typical_side: int
    train: ImageSet
    held_out: ImageSet


def open_data(
    source: str | Path,
    *,
    seed: int = 0,
    held_out: float = HELD_OUT,
    skip_bad_images: bool = False,
    progress: Progress = SILENT,
    workers: int | None = None,
) -> ImageData:
    """The images to train on that `source` names, checked, with a part held out.

    Args:
        source: as for `find_images`.
        seed: draws the held-out part where the data have none of their own.
        held_out: the share of every class that is then held out.
        skip_bad_images: go on without files that cannot be read, saying how many.
        progress: where to show how far the check is, and what was passed over.
        workers: processes to decode with; None: as many as the CPUs and images merit.

    Raises:
        LitheError: what `find_images` raises, fewer than two classes, or a class with too
            few images to hold one out.
    """
    found = find_images(source, skip_bad_images=skip_bad_images, progress=progress, workers=workers)
    if len(found.classes) < 2:
        raise LitheError(
            f"{found.name!r} has one class only, {quoted(found.classes)}; a classifier needs two"
            " or more, each a folder beside the other (if the classes are inside this one,"
            " give its path)"
        )
    if found.held_out is not None:
        images, aside = found.images, found.held_out
    else:
        counts = Counter(found.images.labels)
        few = [name for label, name in enumerate(found.classes) if counts[label] < 2]
        if few:
            raise LitheError(
                f"one image only in {quoted(few)}; every class needs two or more, so that one"
                " can be held out"
            )
        images, aside = split(found.images, held_out, seed)
    return ImageData(found.name, found.classes, found.channels, found.typical_side, images, aside)


def find_images(
    source: str | Path,
    *,
    skip_bad_images: bool = False,
    progress: Progress = SILENT,
    workers: int | None = None,
) -> FoundImages:
    """All labelled images that `source` names, checked; one class alone will do.

    Args:
        source: `digits` (1797 scans of 8 x 8 pixels, part of scikit-learn); a folder of class
            folders, which may have `train/` and `val/` inside; or `torchvision:NAME`, which
            is downloaded on first use. `./digits` is a folder.
        skip_bad_images: go on without files that cannot be read, saying how many.
        progress: where to show how far the check is, and what was passed over.
        workers: processes to decode with; None: as many as the CPUs and images merit.

    Raises:
        LitheError: nothing there, nothing usable in it, a class without images, a class in
            `val/` that `train/` lacks, or images that cannot be read.
    """
    if source == DIGITS:
        return FoundImages(DIGITS, tuple("0123456789"), 1, 8, _digits(), None)
    if isinstance(source, str) and source.startswith(PREFIX):
        name = source.removeprefix(PREFIX)
        classes, images, held_out = open_torchvision(name, progress)
        grey, side = _survey(images)
        return FoundImages(name, classes, 1 if grey else 3, side, images, held_out)
    return _in_folder(_folder(source), skip_bad_images, progress, workers)


def _folder(source: str | Path) -> Path:
    root = Path(source)
    what = is_folder(root)
    if what is None:
        raise LitheError(
            f"there is no folder {str(source)!r}; give a folder of class folders, digits, or"
            f" {PREFIX}CIFAR10"
        )
    if not what:
        raise LitheError(f"{str(source)!r} is a file; give the folder that holds the class folders")
    return root


def _in_folder(
    root: Path, skip_bad_images: bool, progress: Progress, workers: int | None
) -> FoundImages:
    layout = find_layout(root)
    if layout.passed_over:
        used = [path.name for path in (layout.train, layout.held_out) if path is not None]
        progress.say(
            f"training on {quoted(used[:1])}, holding out {quoted(used[1:]) or 'a share of it'};"
            f" passed over {quoted(layout.passed_over)}"
        )
    trees = [read_tree(layout.train)]
    if layout.held_out is not None:
        trees.append(read_tree(layout.held_out, empty_classes=True))
        _compare_classes(trees[0], trees[1], progress)
    checked = []
    for tree in trees:
        _say_others(tree, progress)
        images = FileImages(tree.root, tree.files, tree.labels)
        found = check(images, skip_bad_images=skip_bad_images, progress=progress, workers=workers)
        checked.append(found)
        if not found.images:
            raise LitheError(f"no image in {str(tree.root)!r} can be read; repair them")
    classes = trees[0].classes
    _refuse_emptied(trees[0], checked[0].images)
    held_out = None
    if len(trees) > 1:
        held_out = relabel(checked[1].images, trees[1].classes, classes)
    return FoundImages(
        name=shown(root.resolve().name),
        classes=classes,
        channels=1 if all(found.grey for found in checked) else 3,
        typical_side=median_low(checked[0].sides),
        images=checked[0].images,
        held_out=held_out,
    )


def _compare_classes(train: Tree, held_out: Tree, progress: Progress) -> None:
    unknown = [name for name in held_out.classes if name not in train.classes]
    if unknown:
        raise LitheError(
            f"{str(held_out.root)!r} has the class{'es' if len(unknown) > 1 else ''}"
            f" {quoted(unknown)}, which {str(train.root)!r} lacks; a network cannot learn what"
            " it is never shown"
        )
    missing = [name for name in train.classes if name not in held_out.classes]
    if missing:
        progress.say(f"no held-out images of {quoted(missing)} in {str(held_out.root)!r}")


def _say_others(tree: Tree, progress: Progress) -> None:
    if tree.others:
        kinds = ", ".join(f"{count} {shown(kind)}" for kind, count in tree.others.most_common(5))
        progress.say(f"passed over in {str(tree.root)!r}: {kinds}")


def _refuse_emptied(tree: Tree, images: FileImages) -> None:
    left = set(images.labels)
    emptied = [name for label, name in enumerate(tree.classes) if label not in left]
    if emptied:
        raise LitheError(
            f"no image of {quoted(emptied)} in {str(tree.root)!r} can be read; repair them, or"
            " remove the folder"
        )


def _digits() -> ImageSet:
    from sklearn.datasets import load_digits  # over a second: only when needed

    scans = load_digits()
    pixels = np.round(scans.images * (255 / 16)).astype(np.uint8)
    return ArrayImages(DIGITS, pixels, tuple(int(label) for label in scans.target))


def _survey(images: ImageSet) -> tuple[bool, int]:
    step = max(1, len(images) // SURVEYED)
    seen = [images.image(index) for index in range(0, len(images), step)]
    return all(is_grey(image) for image in seen), median_low(min(image.size) for image in seen)
