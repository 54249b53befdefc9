"""What is found in a folder, and in which order."""

import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from lithe.errors import LitheError
from lithe.training.folder import find_layout, is_folder, list_images, quoted, read_tree, shown


def touch(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


@pytest.mark.smoke
def test_classes_and_files_are_sorted(tmp_path: Path) -> None:
    tree = read_tree(touch(tmp_path, "dog/2.png", "dog/10.JPG", "cat/sub/deep/1.gif", "cat/9.bmp"))
    assert tree.classes == ("cat", "dog")
    assert tree.files == ("cat/9.bmp", "cat/sub/deep/1.gif", "dog/10.JPG", "dog/2.png")
    assert tree.labels == (0, 0, 1, 1)


def test_hidden_and_left_behind_things_are_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, "cat/1.png", "cat/.hidden.png", "cat/._1.png", "cat/Thumbs.db", "cat/.DS_Store")
    touch(tmp_path, ".git/a.png", "__MACOSX/cat/1.png", ".cache/cat/1.png", "readme.txt")
    touch(tmp_path, "cat/__MACOSX/2.png", "cat/notes.txt", "cat/LICENSE")
    tree = read_tree(tmp_path)
    assert tree.files == ("cat/1.png",)
    assert tree.others == {".db": 1, ".txt": 1, "no ending": 1}


def test_names_may_have_spaces_and_any_script(tmp_path: Path) -> None:
    # Some scripts and emoji need characters that join others and show nothing themselves.
    joined = ["\u0645\u06cc\u200c\u0631\u0648\u062f", "\U0001f469\u200d\U0001f33e"]
    names = ["blue tit", "Ñandú", "猫", "[red] 100%", "a'b\"c", *joined]
    tree = read_tree(touch(tmp_path, *(f"{name}/ü {name}.png" for name in names)))
    assert tree.classes == tuple(sorted(names))


@pytest.mark.parametrize("name", ["two\nlines", "bell\a", os.fsdecode(b"latin-\xe9")])
def test_names_that_cannot_be_printed_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(LitheError, match="control characters or is not UTF-8") as raised:
        read_tree(touch(tmp_path, f"{name}/1.png"))
    str(raised.value).encode()
    assert "\n" not in str(raised.value)


def test_loops_of_links_end(tmp_path: Path) -> None:
    touch(tmp_path, "cat/1.png", "dog/2.png")
    (tmp_path / "cat/up").symlink_to(tmp_path)
    (tmp_path / "cat/self").symlink_to(tmp_path / "cat")
    (tmp_path / "cat/itself").symlink_to(tmp_path / "cat/itself")
    (tmp_path / "dog/there").symlink_to(tmp_path / "dog/back")
    (tmp_path / "dog/back").symlink_to(tmp_path / "dog/there")
    tree = read_tree(tmp_path)
    assert tree.files == ("cat/1.png", "dog/2.png")


def test_links_to_files_and_folders_elsewhere_are_followed(tmp_path: Path) -> None:
    touch(tmp_path / "elsewhere", "a/1.png", "2.png")
    touch(tmp_path / "root", "cat/0.png")
    (tmp_path / "root/cat/more").symlink_to(tmp_path / "elsewhere/a")
    (tmp_path / "root/cat/2.png").symlink_to(tmp_path / "elsewhere/2.png")
    (tmp_path / "root/cat/broken.png").symlink_to(tmp_path / "nowhere.png")
    found = read_tree(tmp_path / "root").files
    assert found == ("cat/0.png", "cat/2.png", "cat/broken.png", "cat/more/1.png")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    touch(tmp_path, "cat/1.png")
    os.mkfifo(tmp_path / "cat/2.png")
    assert read_tree(tmp_path).files == ("cat/1.png",)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["readme.txt"], r"no images in .* \(found instead: 1 .txt\)"),
        (["cat/1.heic", "cat/2.heic"], r"no images in .* \(found instead: 2 .heic\)"),
        (["1.png", "2.png"], "holds 2 images but no class folders; .*/cat/1.png"),
        (["cat/1.png", "dog/a.txt", "owl/.png"], "no images in the class folders 'dog', 'owl'"),
    ],
)
def test_what_is_no_tree_says_why(tmp_path: Path, files: list[str], message: str) -> None:
    with pytest.raises(LitheError, match=message):
        read_tree(touch(tmp_path, *files))


def test_an_empty_folder_has_no_images(tmp_path: Path) -> None:
    with pytest.raises(LitheError, match="no images in"):
        read_tree(tmp_path)


def test_stray_images_are_counted(tmp_path: Path) -> None:
    tree = read_tree(touch(tmp_path, "cat/1.png", "stray.png"))
    assert tree.others == {"images outside of class folders": 1}


@pytest.mark.parametrize(
    ("files", "train", "held_out", "passed_over"),
    [
        (["cat/1.png", "dog/1.png"], ".", None, ()),
        (["train/cat/1.png", "val/cat/1.png"], "train", "val", ()),
        (["Train/cat/1.png", "Validation/cat/1.png"], "Train", "Validation", ()),
        (["train/cat/1.png", "test/cat/1.png"], "train", "test", ()),
        (["train/c/1.png", "val/c/1.png", "test/c/1.png"], "train", "val", ("test",)),
        (["train/c/1.png", "test/1.png"], "train", None, ("test",)),
        (["train/c/1.png"], "train", None, ()),
        # Vehicles: here `train` is a class.
        (["train/1.png", "bus/1.png"], ".", None, ()),
        (["train/1.png", "train/steam/2.png", "bus/1.png"], ".", None, ()),
        # A stray image does not make a class of it.
        (["train/1.png", "train/cat/2.png", "val/cat/1.png"], "train", "val", ()),
        (["val/1.png", "dog/1.png"], ".", None, ()),
    ],
)
def test_train_and_val_are_found(
    tmp_path: Path,
    files: list[str],
    train: str,
    held_out: str | None,
    passed_over: tuple[str, ...],
) -> None:
    layout = find_layout(touch(tmp_path, *files))
    assert layout.train == tmp_path / train
    assert layout.held_out == (tmp_path / held_out if held_out else None)
    assert layout.passed_over == passed_over


@pytest.fixture
def closed_folder() -> Iterator[Path]:
    # Not pytest's own folder, which only its owner can enter.
    root = Path(tempfile.mkdtemp())
    root.chmod(0o755)
    touch(root, "cat/1.png", "dog/1.png")
    (root / "dog").chmod(0)
    yield root
    (root / "dog").chmod(0o755)
    shutil.rmtree(root)


def _as_nobody(function: Callable[[Path], object], path: Path, answer: Connection) -> None:
    if os.getuid() == 0:  # permissions do not hold for root
        os.setuid(65534)
    try:
        function(path)
    except LitheError as error:
        answer.send(str(error))


@pytest.mark.parametrize(
    "function", [read_tree, list_images, lambda path: is_folder(path / "dog/1")]
)
def test_a_folder_that_may_not_be_read_is_named(
    closed_folder: Path, function: Callable[[Path], object]
) -> None:
    context = multiprocessing.get_context("fork")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_as_nobody, args=(function, closed_folder, sending))
    process.start()
    sending.close()
    answer = receiving.recv()
    process.join()
    assert str(closed_folder / "dog") in answer
    assert "permission denied" in answer


def test_names_in_messages() -> None:
    assert shown("plain name.png") == "plain name.png"
    assert shown(os.fsdecode(b"\xff\x1b[2J")) == "��[2J"
    assert quoted(["a"] * 7) == "'a', 'a', 'a', 'a', 'a' and 2 more"
