"""What lies in a folder: images, class folders, and a `train/` and `val/` if there are any.

Listings are sorted by name, so that the same files are the same list on every machine.
Hidden files and folders, and those that archives and file managers leave behind, are
passed over. A symbolic link is followed once: a loop ends instead of going round.
"""

import errno
import os
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lithe.errors import LitheError
from lithe.training.decode import EXTENSIONS

LEFT_BEHIND = ("__MACOSX", "$RECYCLE.BIN", "lost+found")
TRAIN = ("train", "training")
_UNPRINTABLE = ("Cc", "Cs", "Zl", "Zp")  # control, not UTF-8, line and paragraph ends
HELD_OUT = ("val", "valid", "validation", "test", "testing")


@dataclass(frozen=True, slots=True)
class Tree:
    """The class folders of one folder: names sorted, and each class's files.

    `files` are relative to `root`, sorted, class by class; `labels` are indices into
    `classes`, one per file. `others` counts files that are not images, by their ending.
    """

    root: Path
    classes: tuple[str, ...]
    files: tuple[str, ...]
    labels: tuple[int, ...]
    others: Counter[str]


@dataclass(frozen=True, slots=True)
class Layout:
    """Which folder holds the classes to train on, and which those to hold out, if any."""

    train: Path
    held_out: Path | None = None
    passed_over: tuple[str, ...] = ()


def find_layout(root: Path) -> Layout:
    """Look for `train/` and `val/` (or `valid`, `validation`, `test`) in a folder.

    They are the split if they hold class folders. A folder that is called `train` because
    that is its class holds images instead, and then there is no split. What else lies
    beside `train/` is passed over.

    Raises:
        LitheError: a folder cannot be read.
    """
    folders = {path.name.lower(): path for path in _folders(root)}
    train = next((folders[name] for name in TRAIN if name in folders), None)
    if train is None:
        return Layout(root)
    classes = {path.name for path in _folders(train)}
    held_out = [folders[name] for name in HELD_OUT if name in folders and _folders(folders[name])]
    share_classes = any(path.name in classes for folder in held_out for path in _folders(folder))
    if not classes or (_images(train) and not share_classes):
        return Layout(root)
    used = [train, *held_out[:1]]
    passed_over = tuple(path.name for path in folders.values() if path not in used)
    return Layout(train, held_out[0] if held_out else None, passed_over)


def read_tree(root: Path, *, empty_classes: bool = False) -> Tree:
    """List the class folders of `root`, with all images below each of them.

    Args:
        root: the folder whose folders are the classes.
        empty_classes: leave out a class folder without images, instead of refusing it.

    Raises:
        LitheError: no images, images outside of class folders, an empty class, a class
            name that is not text, or a folder that cannot be read.
    """
    classes: list[str] = []
    files: list[str] = []
    labels: list[int] = []
    empty: list[str] = []
    others: Counter[str] = Counter()
    for folder in _folders(root):
        if folder.name != shown(folder.name):
            raise LitheError(
                f"the name of the class folder {shown(str(folder))!r} has control characters"
                " or is not UTF-8; rename it"
            )
        found, not_images = list_images(folder, inside=root)
        others.update(not_images)
        if not found:
            empty.append(folder.name)
            continue
        files.extend(f"{folder.name}{os.sep}{name}" for name in found)
        labels.extend([len(classes)] * len(found))
        classes.append(folder.name)
    loose = _images(root)
    if not files and loose:
        raise LitheError(
            f"{str(root)!r} holds {len(loose)} images but no class folders; put the images of"
            f" each class into a folder of its own, such as {root.name}/cat/{shown(loose[0])}"
        )
    if not files:
        raise LitheError(
            f"no images in {str(root)!r}; looked in its folders for"
            f" {' '.join(EXTENSIONS)}{_found_instead(others + _endings(_files(root)))}"
        )
    if empty and not empty_classes:
        raise LitheError(
            f"no images in the class folder{'s' if len(empty) > 1 else ''} {quoted(empty)} of"
            f" {str(root)!r}{_found_instead(others)}; add some, or remove the empty folder"
        )
    if loose:
        others["images outside of class folders"] = len(loose)
    return Tree(root, tuple(classes), tuple(files), tuple(labels), others)


def list_images(folder: Path, inside: Path | None = None) -> tuple[list[str], Counter[str]]:
    """The images below a folder, relative to it and sorted, and what else was found.

    Args:
        folder: where to look, at any depth.
        inside: a folder above that links must not lead back to.

    Raises:
        LitheError: a folder cannot be read.
    """
    images: list[Path] = []
    others: list[Path] = []
    for path in _walk(folder, {_identity(inside)} if inside else set()):
        (images if path.suffix.lower() in EXTENSIONS else others).append(path)
    return [str(path.relative_to(folder)) for path in images], _endings(others)


def is_folder(path: Path) -> bool | None:
    """Whether something is a folder or else a file; None: there is nothing.

    Raises:
        LitheError: it cannot be told, as in a folder that may not be entered.
    """
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    except OSError as error:
        raise LitheError(f"cannot read {str(path)!r}: {str(error.strerror).lower()}") from None
    return stat.S_ISDIR(found.st_mode)


def shown(name: str) -> str:
    r"""A name as it can be printed on one line: control characters and broken text replaced.

    >>> shown("a\nb.png") == "a\N{REPLACEMENT CHARACTER}b.png"
    True
    """
    if name.isprintable():
        return name
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in _UNPRINTABLE else c for c in name
    )


def quoted(names: Sequence[str], most: int = 5) -> str:
    """The first few names in quotation marks, and how many more there are.

    >>> quoted(["cat", "dog", "owl"], most=2)
    "'cat', 'dog' and 1 more"
    """
    text = ", ".join(repr(name) for name in names[:most])
    return text if len(names) <= most else f"{text} and {len(names) - most} more"


def _walk(folder: Path, seen: set[tuple[int, int]]) -> Iterator[Path]:
    identity = _identity(folder)
    if identity in seen:
        return
    seen.add(identity)
    for path, is_folder in _entries(folder):
        if is_folder:
            yield from _walk(path, seen)
        else:
            yield path


def _entries(folder: Path) -> list[tuple[Path, bool]]:
    """What is in a folder, sorted by name, and whether each is a folder itself."""
    try:
        with os.scandir(folder) as entries:
            found = sorted(
                (entry.name, is_folder)
                for entry in entries
                if entry.name[0] != "." and entry.name not in LEFT_BEHIND
                if (is_folder := _is_folder(entry)) is not None
            )
    except OSError as error:
        raise LitheError(
            f"cannot read the folder {shown(str(folder))!r}: {str(error.strerror).lower()};"
            " make it readable or leave it out"
        ) from None
    return [(folder / name, is_folder) for name, is_folder in found]


def _is_folder(entry: os.DirEntry[str]) -> bool | None:
    """Whether an entry is a folder or else a file; None: neither, such as a pipe.

    A link that leads nowhere or to itself is a file: one that will be found unreadable.
    """
    if entry.is_file(follow_symlinks=False):  # known without asking the disk again
        return False
    try:
        mode = entry.stat().st_mode
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ELOOP) and entry.is_symlink():
            return False
        raise
    return stat.S_ISDIR(mode) if stat.S_ISDIR(mode) or stat.S_ISREG(mode) else None


def _folders(folder: Path) -> list[Path]:
    return [path for path, is_folder in _entries(folder) if is_folder]


def _files(folder: Path) -> list[Path]:
    return [path for path, is_folder in _entries(folder) if not is_folder]


def _images(folder: Path) -> list[str]:
    return [path.name for path in _files(folder) if path.suffix.lower() in EXTENSIONS]


def _identity(folder: Path) -> tuple[int, int]:
    found = folder.stat()
    return found.st_dev, found.st_ino


def _endings(files: Sequence[Path]) -> Counter[str]:
    return Counter(path.suffix.lower() or "no ending" for path in files)


def _found_instead(others: Counter[str]) -> str:
    if not others:
        return ""
    kinds = ", ".join(f"{count} {shown(ending)}" for ending, count in others.most_common(3))
    return f" (found instead: {kinds})"
