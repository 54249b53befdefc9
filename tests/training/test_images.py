"""From what the user names to images that are checked and split."""

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tests.data_sets import KINDS, make_folder

from lithe.errors import LitheError
from lithe.progress import Progress
from lithe.training.check import NAMED
from lithe.training.image_set import ArrayImages, FileImages, relabel
from lithe.training.images import ImageSet, find_images, open_data, split


class Heard(Progress):
    """What would have been said, for a test to read."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def names(images: ImageSet) -> list[str]:
    return [images.name(index) for index in range(len(images))]


def blank(counts: list[int]) -> ArrayImages:
    labels = tuple(label for label, count in enumerate(counts) for _ in range(count))
    return ArrayImages("blank", np.zeros((len(labels), 2, 2), np.uint8), labels)


@pytest.mark.smoke
def test_digits_have_a_fifth_of_each_class_held_out() -> None:
    data = open_data("digits")
    assert (data.name, data.classes, data.channels) == ("digits", tuple("0123456789"), 1)
    assert data.typical_side == 8
    assert len(data.train) + len(data.held_out) == 1797
    whole, held_out = Counter(find_images("digits").images.labels), Counter(data.held_out.labels)
    assert all(held_out[label] == round(whole[label] / 5) for label in whole)
    assert not set(names(data.train)) & set(names(data.held_out))
    scans = [data.train.image(index) for index in range(20)]
    assert {(scan.mode, scan.size) for scan in scans} == {("L", (8, 8))}
    assert max(np.asarray(scan).max() for scan in scans) == 255
    assert data.train.name(0).startswith("digits ")


@pytest.mark.smoke
@pytest.mark.parametrize("workers", [0, 2])
def test_a_folder_of_class_folders(tmp_path: Path, workers: int) -> None:
    root = make_folder(tmp_path / "photos", classes=3, per_class=10, colour="mixed")
    data = open_data(root, workers=workers)
    assert (data.name, data.classes, data.channels) == ("photos", ("disc", "ring", "square"), 3)
    assert 24 <= data.typical_side <= 64
    assert Counter(data.train.labels) == {0: 8, 1: 8, 2: 8}
    assert Counter(data.held_out.labels) == {0: 2, 1: 2, 2: 2}
    for images in (data.train, data.held_out):
        for index, name in enumerate(names(images)):
            assert name.startswith(data.classes[images.labels[index]] + "/")
            with Image.open(root / name) as file:
                assert images.image(index).size == file.size


def test_the_split_follows_the_seed_and_nothing_else(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "a", classes=2, per_class=20, formats=("png",))
    shutil.copytree(root, tmp_path / "b")
    held_out = [
        names(open_data(path, seed=seed).held_out)
        for path, seed in ((root, 0), (tmp_path / "b", 0), (root, 1))
    ]
    assert held_out[0] == held_out[1] != held_out[2]


def test_train_and_val_are_not_split_again(tmp_path: Path) -> None:
    make_folder(tmp_path / "train", classes=("b", "a"), per_class=3)
    make_folder(tmp_path / "val", classes=("a",), per_class=2)
    heard = Heard()
    data = open_data(tmp_path, progress=heard)
    assert data.classes == ("a", "b")
    assert Counter(data.train.labels) == {0: 3, 1: 3}
    assert data.held_out.labels == (0, 0)
    assert names(data.held_out) == ["a/0000.png", "a/0001.jpg"]
    (line,) = heard.lines
    assert "no held-out images of 'b'" in line


def test_held_out_labels_are_those_of_train_where_val_has_fewer_classes(tmp_path: Path) -> None:
    make_folder(tmp_path / "train", classes=("a", "b", "c"), per_class=2)
    make_folder(tmp_path / "val", classes=("c", "b"), per_class=1)
    (tmp_path / "val/a").mkdir()
    assert open_data(tmp_path).held_out.labels == (1, 2)


def test_what_is_passed_over_is_said(tmp_path: Path) -> None:
    make_folder(tmp_path / "train", classes=2, per_class=2)
    make_folder(tmp_path / "val", classes=2, per_class=2)
    make_folder(tmp_path / "test", classes=2, per_class=2)
    (tmp_path / "train/disc/raw.heic").touch()
    heard = Heard()
    open_data(tmp_path, progress=heard)
    assert len(heard.lines) == 2
    assert "'train', holding out 'val'; passed over 'test'" in heard.lines[0]
    assert heard.lines[1].endswith("1 .heic")


@pytest.mark.parametrize(("colour", "channels"), [("grey", 1), ("mixed", 3), ("rgb", 3)])
def test_channels_follow_from_what_the_images_show(
    tmp_path: Path, colour: str, channels: int
) -> None:
    root = make_folder(tmp_path, classes=2, per_class=4, colour=colour, formats=("png", "jpg"))  # type: ignore[arg-type]
    assert open_data(root).channels == channels


def test_grey_pictures_in_colour_files_are_grey(tmp_path: Path) -> None:
    make_folder(tmp_path, classes=2, per_class=4, colour="grey", formats=("png", "jpg"))
    for path in tmp_path.rglob("*.*"):
        with Image.open(path) as image:
            image.convert("RGB").save(path)
    assert open_data(tmp_path).channels == 1


def test_one_coloured_held_out_image_makes_it_colour(tmp_path: Path) -> None:
    make_folder(tmp_path / "train", classes=2, per_class=2, colour="grey")
    make_folder(tmp_path / "val", classes=2, per_class=1, colour="rgb")
    assert open_data(tmp_path).channels == 3


def _missing(root: Path) -> Path:
    return root / "nowhere"


def _file(root: Path) -> Path:
    (root / "photo.png").touch()
    return root / "photo.png"


def _name_too_long(root: Path) -> Path:
    return root / ("x" * 300)


def _one_class(root: Path) -> Path:
    return make_folder(root, classes=1, per_class=3)


def _one_image(root: Path) -> Path:
    make_folder(root, classes=2, per_class=3)
    return make_folder(root, classes=("lonely",), per_class=1)


def _val_knows_more(root: Path) -> Path:
    make_folder(root / "train", classes=("cat", "dog"), per_class=2)
    make_folder(root / "val", classes=("cat", "owl"), per_class=2)
    return root


def _all_bad(root: Path) -> Path:
    for name in ("cat", "dog"):
        (root / name).mkdir()
        (root / name / "1.png").touch()
    return root


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_missing, "there is no folder .*nowhere.*; give a folder of class folders"),
        (_file, "photo.png' is a file; give the folder"),
        (_name_too_long, "file name too long"),
        (_one_class, "one class only, 'disc'"),
        (_one_image, "one image only in 'lonely'; every class needs two"),
        (_val_knows_more, "val' has the class 'owl', which .*train' lacks"),
        (_all_bad, "2 of 2 images that cannot be read: 'cat/1.png' .the file is empty."),
    ],
)
def test_what_cannot_be_used_is_one_clear_line(
    tmp_path: Path, make: Callable[[Path], Path], message: str
) -> None:
    with pytest.raises(LitheError, match=message) as raised:
        open_data(make(tmp_path))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0, float("nan")])
def test_a_share_must_be_one(share: float) -> None:
    with pytest.raises(LitheError, match="between 0 and 1"):
        open_data("digits", held_out=share)


@pytest.mark.parametrize("workers", [0, 2])
def test_bad_images_are_named_with_their_reasons(tmp_path: Path, workers: int) -> None:
    make_folder(tmp_path, classes=2, per_class=8, formats=("png",))
    for number in range(NAMED + 1):
        path = tmp_path / f"disc/000{number}.png"
        path.write_bytes(path.read_bytes()[:-40] if number else b"")
    with pytest.raises(LitheError) as raised:
        open_data(tmp_path, workers=workers)
    text = str(raised.value)
    assert text.startswith(
        "6 of 16 images that cannot be read: 'disc/0000.png' (the file is empty)"
    )
    assert "'disc/0004.png' (truncated) and 1 more; repair" in text
    assert text.endswith("--skip-bad-images")


def test_bad_images_are_left_out_on_request(tmp_path: Path) -> None:
    make_folder(tmp_path, classes=2, per_class=5, formats=("png",))
    (tmp_path / "ring/0002.png").write_bytes(b"not an image")
    heard = Heard()
    data = open_data(tmp_path, skip_bad_images=True, progress=heard)
    assert Counter(data.train.labels + data.held_out.labels) == {0: 5, 1: 4}
    assert "ring/0002.png" not in names(data.train) + names(data.held_out)
    (line,) = heard.lines
    assert "1 of 10 images that cannot be read: 'ring/0002.png'" in line


def test_a_class_that_is_left_with_nothing_is_named(tmp_path: Path) -> None:
    make_folder(tmp_path, classes=3, per_class=2)
    for path in (tmp_path / "ring").iterdir():
        path.write_bytes(b"")
    with pytest.raises(LitheError, match=r"no image of 'ring' in .* can be read"):
        open_data(tmp_path, skip_bad_images=True)
    for path in tmp_path.rglob("*.*"):
        path.write_bytes(b"")
    with pytest.raises(LitheError, match=r"no image in .* can be read"):
        open_data(tmp_path, skip_bad_images=True)


def test_a_file_that_goes_bad_later_is_named(tmp_path: Path) -> None:
    data = open_data(make_folder(tmp_path, classes=2, per_class=3))
    (tmp_path / data.train.name(0)).unlink()
    with pytest.raises(LitheError, match=f"{data.train.name(0)}.*no such file"):
        data.train.image(0)


@given(
    counts=st.lists(st.integers(1, 30), min_size=1, max_size=6),
    share=st.floats(0.01, 0.99),
    seed=st.integers(-5, 2**40),
)
def test_every_class_of_two_or_more_is_on_both_sides(
    counts: list[int], share: float, seed: int
) -> None:
    images = blank(counts)
    rest, taken = split(images, share, seed)
    assert sorted(names(rest) + names(taken)) == sorted(names(images))
    for label, count in enumerate(counts):
        held_out = taken.labels.count(label)
        assert rest.labels.count(label) == count - held_out >= 1
        assert held_out >= min(1, count - 1)
        assert abs(held_out - share * count) <= 1
    again = split(images, share, seed)
    assert [names(part) for part in again] == [names(rest), names(taken)]


def test_a_part_can_be_split_again() -> None:
    images = blank([10, 1])
    rest, taken = split(images, 0.3, 0)
    inner, aside = split(rest, 0.5, 1)
    assert sorted(names(inner) + names(aside) + names(taken)) == sorted(names(images))
    assert split(blank([1, 1]), 0.5, 0)[1].labels == ()


def test_labels_are_matched_by_name() -> None:
    images = blank([1, 2])
    moved = relabel(images, ("cat", "dog"), ("dog", "owl", "cat"))
    assert moved.labels == (2, 0, 0)
    assert names(moved) == names(images)
    with pytest.raises(LitheError, match="the class 'dog', which the model does not know; its"):
        relabel(images, ("cat", "dog"), ("cat", "owl"))


def test_the_generator_is_deterministic(tmp_path: Path) -> None:
    for name in "ab":
        make_folder(tmp_path / name, per_class=2)
    for path in (tmp_path / "a").rglob("*.*"):
        twin = tmp_path / "b" / path.relative_to(tmp_path / "a")
        assert path.read_bytes() == twin.read_bytes()
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == sorted(KINDS)


def test_images_know_their_files(tmp_path: Path) -> None:
    images = FileImages(tmp_path, ("a\nb.png",), (0,))
    assert images.path(0) == tmp_path / "a\nb.png"
    with pytest.raises(LitheError) as raised:
        images.image(0)
    assert "\n" not in str(raised.value)
