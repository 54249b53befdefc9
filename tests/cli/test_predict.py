"""`lithe predict` from the command line."""

import csv
import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from tests.data_sets import KINDS, make_folder
from tests.models import make_model_file, make_network

from lithe.cli import main
from lithe.training.predict import predict


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    return make_model_file(path, make_network(["[red] cat", "dog, big", *KINDS]))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "new photos", classes=2, per_class=2, formats=("png", "jpg"))


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stopped:
        main([str(argument) for argument in arguments])
    assert isinstance(stopped.value.code, int)
    return stopped.value.code


@pytest.mark.smoke
def test_a_line_for_each_image_where_there_is_no_terminal(model: Path, photos: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lithe", "predict", str(model), str(photos), "--top-k", "2"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    expected = [
        f"{one.name}: " + ", ".join(f"{name} {share:.1%}" for name, share in one.top)
        for one in predict(model, photos, top_k=2)
    ]
    assert done.stdout.splitlines() == expected
    assert len(expected) == 4


def test_json(model: Path, photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("predict", model, photos, "--json", "--top-k", 3) == 0
    found = json.loads(capsys.readouterr().out)
    for one, expected in zip(found, predict(model, photos, top_k=3), strict=True):
        assert one == {
            "image": expected.name,
            "top": [{"class": name, "probability": share} for name, share in expected.top],
        }


def test_eager_pytorch_by_choice(
    model: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = []
    for choice in ((), ("--runtime", "lithe"), ("--runtime", "eager")):
        assert run("predict", model, photos, "--json", *choice) == 0
        answers.append(json.loads(capsys.readouterr().out))
    assert answers[0] == answers[1]
    for one, other in zip(answers[1], answers[2], strict=True):
        assert [top["class"] for top in one["top"]] == [top["class"] for top in other["top"]]
        shares = [[top["probability"] for top in answer["top"]] for answer in (one, other)]
        assert shares[0] == pytest.approx(shares[1], abs=1e-5)


@pytest.mark.parametrize("printed", [True, False])
def test_csv(model: Path, photos: Path, capsys: pytest.CaptureFixture[str], printed: bool) -> None:
    (photos / "disc/0000.png").write_bytes(b"")
    file = photos.parent / "answers.csv"
    code = run("predict", model, photos, "--csv", "-" if printed else file, "--top-k", 1)
    assert code == 2
    out = capsys.readouterr().out
    text = out if printed else file.read_text()
    assert printed or not out
    header, *rows = csv.reader(io.StringIO(text))
    assert header == ["image", "problem", "class_1", "probability_1"]
    assert rows[0] == [str(photos / "disc/0000.png"), "the file is empty"]
    for row, expected in zip(rows[1:], predict(model, photos, top_k=1)[1:], strict=True):
        ((name, share),) = expected.top
        assert row == [expected.name, "", name, str(share)]


def test_bad_images_are_named_last_and_the_others_answered(
    model: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (photos / "ring/0001.jpg").write_bytes(b"not an image")
    assert run("predict", model, photos) == 2
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 3
    assert err.startswith("lithe: 1 of 4 images that cannot be read: '")
    assert "ring/0001.jpg' (not an image" in err
    assert err.count("\n") == 1
    assert run("predict", model, photos, "--skip-bad-images") == 0
    assert run("predict", model, photos, "--skip-bad-images", "--quiet", "--json") == 0
    out, err = capsys.readouterr()
    assert "ring/0001.jpg" in err
    assert '"problem": "not an image of a kind that is read here"' in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["MODEL", "nowhere.png"], "there is no file or folder 'nowhere.png'"),
        (["MODEL", "EMPTY"], "no images in"),
        (["nowhere.safetensors", "EMPTY"], "nowhere.safetensors"),
        (["PHOTO", "EMPTY"], "0000.png"),
        (["MODEL", "PHOTO", "--json", "--csv", "-"], "choose one"),
        (["MODEL", "PHOTO", "--csv", "nowhere/answers.csv"], "cannot write nowhere/answers.csv"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    model: Path,
    photos: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    empty = photos.parent / "empty"
    empty.mkdir()
    places = {"MODEL": model, "EMPTY": empty, "PHOTO": photos / "disc/0000.png"}
    assert run("predict", *(places.get(argument, argument) for argument in arguments)) == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith("lithe: ")
    assert message in err
    assert err.count("\n") == 1


def test_a_terminal_gets_a_table(model: Path, photos: Path) -> None:
    ours, terminal = pty.openpty()
    command = ["-m", "lithe", "predict", str(model), str(photos / "disc"), "--quiet"]
    environment = os.environ | {"COLUMNS": "160", "TERM": "dumb"}
    subprocess.run([sys.executable, *command], stdout=terminal, check=True, env=environment)
    os.close(terminal)
    heading, *lines = os.read(ours, 10_000).decode().splitlines()
    os.close(ours)
    assert heading.split() == ["Image", "Class", "Probability", "Otherwise"]
    assert "%" in "".join(lines)
