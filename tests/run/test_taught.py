"""A run whose full training learns from a teacher, and what is found before it begins."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.command import finished
from tests.models import make_model_file, make_network

import lithe
from lithe.arch import architecture
from lithe.errors import LitheError
from lithe.run.folder import Folder, read_state
from lithe.run.run import Result
from lithe.training.distillation import Distillation

TABLE = architecture("shallow_mobilenet", width=0.1, resolution=8)
HOW = Distillation(temperature=3.0, features=(("blocks.2", "blocks.1"),))
DIGITS = tuple("0123456789")


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("teacher") / "teacher.safetensors"
    return make_model_file(path, make_network(DIGITS, channels=1))


def trained(teacher: Path | None, out: Path, how: Distillation | None = HOW) -> Result:
    return lithe.train(
        "digits", TABLE, out=out, epochs=3, threads=1, runtime="eager", teacher=teacher,
        distillation=how,
    )  # fmt: skip


def test_a_stopped_run_goes_on_to_the_same_file_and_its_page_names_the_teacher(
    teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = trained(teacher, tmp_path / "whole")
    fact = dict(whole.rows.facts)["Teacher"]
    assert fact.startswith(f"{teacher}; temperature 3, weight 0.9, features blocks.2=blocks.1")
    assert "temperature 3, weight 0.9" in whole.report.read_text()
    assert f"teacher={str(teacher)!r}, distillation=Distillation(temp" in whole.rows.command

    def stopped(folder: Folder, rows: list[object]) -> None:
        if len(rows) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Folder, "write_history", stopped)
        with pytest.raises(KeyboardInterrupt):
            trained(teacher, tmp_path / "stopped")
    settings = read_state(tmp_path / "stopped").settings
    assert (settings.teacher, settings.distillation) == (str(teacher), HOW)
    again = lithe.resume(tmp_path / "stopped")
    assert again.model.read_bytes() == whole.model.read_bytes()
    plain = trained(None, tmp_path / "plain", None)
    assert plain.model.read_bytes() != whole.model.read_bytes()
    assert "Teacher" not in dict(plain.rows.facts)


def test_fit_teaches_the_winner(teacher: Path, tmp_path: Path) -> None:
    out = tmp_path / "fit"
    code, _, err = finished(
        "fit", "digits", "--max-macs", "300k", "--trials", "1", "--epochs", "1", "--threads", "1",
        "--runtime", "eager", "--teacher", teacher, "--distill-weight", "0.5",
        "--teacher-features", "blocks.1=blocks.1", "--out", out, "--quiet",
    )  # fmt: skip
    assert code == 0, err
    how = read_state(out).settings.distillation
    assert how == Distillation(weight=0.5, features=(("blocks.1", "blocks.1"),))
    assert "weight 0.5, features blocks.1=blocks.1" in (out / "report.html").read_text()


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"teacher": "none.onnx"}, "there is no file .*none.onnx"),
        ({"teacher": "timm:resnet18", "teacher_weights": "w.safetensors"}, "no file .*w.safetens"),
        ({"teacher": "timm:resnet18"}, "knows 1000 classes and the images have 10"),
        ({"distillation": HOW}, "name it by --teacher"),
        ({"front": "front"}, "a network of a front is trained already"),
        ({"search": "space"}, "use --search grid, or lithe train"),
        (
            {"distillation": Distillation(features=(("blocks.77", "blocks.1"),))},
            "mobilenet_v2.*: the student has no layer 'blocks.77'; did you mean",
        ),
        (
            {"distillation": Distillation(features=(("blocks.1", "layer1"),))},
            "the teacher .* has no layer 'layer1'",
        ),
    ],
)
def test_what_is_wrong_is_found_before_the_search(
    wish: dict[str, object],
    message: str,
    teacher: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lithe.run.run.find_winner", lambda *_: pytest.fail("it searched"))
    if "teacher" not in wish and wish != {"distillation": HOW}:
        wish = {"teacher": teacher, "distillation": HOW} | wish
    with pytest.raises(LitheError, match=message) as raised:
        lithe.fit(
            "digits",
            lithe.Budget(max_macs=300_000),
            out=tmp_path / "run",
            runtime="eager",
            **wish,  # type: ignore[arg-type]
        )
    assert "\n" not in str(raised.value)


def test_a_teacher_of_other_classes_of_the_same_number(tmp_path: Path) -> None:
    path = make_model_file(tmp_path / "t.safetensors", make_network(DIGITS[::-1], channels=1))
    with pytest.raises(LitheError, match="knows '9' where the images have '0'"):
        trained(path, tmp_path / "run")


def test_two_processes_share_what_adapters_learn(teacher: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    launch = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "lithe"]
    train = ["train", "shallow_mobilenet", "digits", "--width", "0.1", "--resolution", "8"]
    taught = ["--teacher", str(teacher), "--teacher-features", "blocks.2=blocks.1"]
    rest = ["--epochs", "1", "--threads", "1", "--runtime", "eager", "--out", str(out)]
    done = subprocess.run(
        [sys.executable, "-m", *launch, *train, *taught, *rest],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert (out / "model.safetensors").exists()


def test_a_pair_that_is_none(teacher: Path, tmp_path: Path) -> None:
    code, _, err = finished(
        "train", "shallow_mobilenet", "digits", "--resolution", "8", "--teacher", teacher,
        "--teacher-features", "blocks.1", "--out", tmp_path / "run",
    )  # fmt: skip
    assert code == 2
    assert "--teacher-features 'blocks.1' names no two layers; write STUDENT=TEACHER" in err
    assert err.count("\n") == 1
