"""`lithe evaluate` from the command line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.data_sets import KINDS, make_folder
from tests.models import converted_network, make_converted_file, make_model_file, make_network

from lithe.cli import main
from lithe.nets.model_file import load
from lithe.training.evaluate import evaluate
from lithe.training.image_set import relabel
from lithe.training.images import find_images, open_data


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    # In another order than the folders', which are matched by name.
    return make_model_file(path, make_network([*reversed(KINDS)], data="trained"))


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stopped:
        main([str(argument) for argument in arguments])
    assert isinstance(stopped.value.code, int)
    return stopped.value.code


def figures(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, object]:
    assert run("evaluate", *arguments, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


@pytest.mark.smoke
def test_figures_are_those_of_the_function(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = make_folder(tmp_path / "photos", classes=3, per_class=4)
    found = figures(capsys, model, root)
    network = load(model)
    assert network.card is not None
    classes = list(reversed(KINDS))
    images = find_images(root).images
    right = evaluate(network, images, network.card.preprocessing).predicted
    names = [find_images(root).classes[label] for label in images.labels]
    expected = sum(classes[i] == name for i, name in zip(right, names, strict=True)) / 12
    assert found["accuracy"] == pytest.approx(expected)
    assert found["images"] == 12
    assert found["measured_on"] == "images of photos"
    rows = found["classes"]
    assert isinstance(rows, list)
    assert [row["name"] for row in rows] == classes
    assert {row["name"]: row["images"] for row in rows if row["images"]} == dict.fromkeys(
        ("disc", "ring", "square"), 4
    )
    matrix = found["confusion"]
    assert isinstance(matrix, list)
    assert sum(map(sum, matrix)) == 12


def test_a_converted_network_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = make_converted_file(tmp_path / "m.safetensors", [*reversed(KINDS)], data="trained")
    root = make_folder(tmp_path / "trained", classes=2, per_class=10)
    found = figures(capsys, path, root)
    assert found["images"] == 4, "those that its seed holds out"
    network, card = converted_network(path)
    images = relabel(open_data(root).held_out, open_data(root).classes, card.classes)
    assert found["accuracy"] == evaluate(network, images, card.preprocessing).accuracy


def test_held_out_images_are_chosen(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained = make_folder(tmp_path / "trained", classes=2, per_class=10)
    make_folder(tmp_path / "both/train", classes=2, per_class=3)
    make_folder(tmp_path / "both/val", classes=2, per_class=2)
    assert figures(capsys, model, trained)["images"] == len(open_data(trained).held_out) == 4
    assert figures(capsys, model, trained, "--part", "all")["images"] == 20
    assert figures(capsys, model, tmp_path / "both")["images"] == 4
    assert figures(capsys, model, tmp_path / "both/train")["images"] == 6
    assert figures(capsys, model, tmp_path / "both/train", "--part", "held-out")["images"] == 2
    assert run("evaluate", model, tmp_path / "both", "--part", "all") == 2


def test_the_text_fits_80_columns(model: Path, tmp_path: Path) -> None:
    root = make_folder(tmp_path / "photos", per_class=3)
    done = subprocess.run(
        [sys.executable, "-m", "lithe", "evaluate", str(model), str(root)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].endswith("of 30 images of photos")
    assert max(map(len, lines)) <= 80
    start = lines.index("Counts of images, the true class on the left, the answer on top:")
    matrix = [line.split() for line in lines[start + 2 :]]
    names = list(reversed(KINDS))
    assert matrix[0] == names
    assert [row[0] for row in matrix[1:]] == names
    assert all(sum(int(cell) for cell in row[1:] if cell != ".") == 3 for row in matrix[1:])


def test_long_names_are_numbered_on_top(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"a rather long name {number}" for number in range(12)]
    model = make_model_file(tmp_path / "m.safetensors", make_network(names))
    assert run("evaluate", model, make_folder(tmp_path / "photos", classes=names, per_class=2)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-13].split() == [str(number) for number in range(12)]
    assert lines[-12].startswith("a rather long name 0 0 ")
    assert max(map(len, lines)) <= 80


def test_many_classes_give_the_worst_pairs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [f"[class] {number:02}" for number in range(40)]
    model = make_model_file(tmp_path / "m.safetensors", make_network(names))
    root = make_folder(tmp_path / "photos", classes=names, per_class=2)
    assert run("evaluate", model, root) == 0
    out = capsys.readouterr().out
    assert "Counts of images" not in out
    _, pairs = out.split("The most frequent mistakes:\n\n")
    heading, *rows = pairs.splitlines()
    assert heading.split() == ["Class", "Images", "Mistakes", "Taken", "for"]
    assert len(rows) == 10
    assert all(row.startswith("[class] ") for row in rows)


def test_a_class_that_the_model_does_not_know(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = make_folder(tmp_path, classes=("disc", "zebra"), per_class=2)
    assert run("evaluate", model, root) == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith("lithe: the images have the class 'zebra', which the model does not know")
    assert "'dots', 'checks', 'slanted'" in err
    assert err.count("\n") == 1


def test_bad_images(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = make_folder(tmp_path, classes=2, per_class=3, formats=("png",))
    (root / "disc/0001.png").write_bytes(b"")
    assert run("evaluate", model, root) == 2
    out, err = capsys.readouterr()
    assert not out
    assert "1 of 6 images that cannot be read: 'disc/0001.png' (the file is empty)" in err
    assert err.count("\n") == 1
    assert figures(capsys, model, root, "--skip-bad-images")["images"] == 5


def test_one_class_alone_can_be_measured(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = make_folder(tmp_path, classes=("ring",), per_class=1)
    assert figures(capsys, model, root)["images"] == 1
