"""Conversions that learn from a teacher of the user's choice, or softly from the original."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.models import make_model_file, make_network
from tests.run.conversion import networks
from tests.run.conversion.conftest import Convert, lithe
from tests.run.conversion.networks import SMALL
from tests.run.conversion.test_convert import epochs_of, error_of
from torch import Tensor

import lithe as package
from lithe.run.conversion import convert as steps
from lithe.run.conversion.state import read_conversion
from lithe.training.distillation import Distillation

PACKAGE = "tests.run.conversion.networks"
MODEL = "model.safetensors"
FAST = ("--layers", "3", "--epochs", "2")


@pytest.fixture(scope="module")
def teacher(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network for 16 pixels, where the original takes 8, that knows the images' classes."""
    classes = sorted(path.name for path in images.iterdir())
    path = tmp_path_factory.mktemp("teacher") / "teacher.safetensors"
    return make_model_file(path, make_network(classes))


def weights_of(out: Path) -> dict[str, Tensor]:
    return load_file(out / MODEL)


def same(first: Path, second: Path) -> bool:
    """Whether two conversions ended with the same weights."""
    ours, theirs = weights_of(first), weights_of(second)
    return all(torch.equal(value, theirs[name]) for name, value in ours.items())


def fact_of(out: Path) -> str:
    """What the page says of the teacher, as far as the next fact."""
    page = (out / "report.html").read_text().replace("\u00a0", " ")
    return page.partition("Teacher")[2].partition("Chosen by")[0]


def test_stopped_it_goes_on_with_its_teacher_and_adapters_from_elsewhere(
    convert: Convert, teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(teacher.parent)
    # 8 channels at 8 pixels, and more at fewer of the teacher: an adapter is trained.
    how = ("--temperature", "2", "--distill-weight", "0.5", "--teacher-features", "3=blocks.1")
    wishes = (*FAST, "--teacher", teacher.name, *how)
    whole, out = tmp_path / "whole", tmp_path / "stopped"
    assert convert("--out", whole, *wishes).exception is None

    def stopped(path: Path, rows: list[object]) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(steps, "write_history", stopped)
        assert convert("--out", out, *wishes).return_value == 130
    state = load_file(out / "work" / "tune.safetensors")
    assert [name for name in state if name.startswith("adapters/")] == ["adapters/0.weight"]
    monkeypatch.chdir(tmp_path)
    assert lithe("convert", "--resume", out, "--quiet").exception is None
    assert epochs_of(out) == epochs_of(whole)
    assert (out / MODEL).read_bytes() == (whole / MODEL).read_bytes()

    settings = read_conversion(out).settings
    assert settings.teacher == str(teacher)
    assert settings.distillation == Distillation(2.0, 0.5, (("3", "blocks.1"),))
    said = f"{teacher}; temperature 2, weight 0.5, features 3=blocks.1"
    assert said in fact_of(out)


def test_who_teaches_and_how_changes_what_is_learned(
    convert: Convert, teacher: Path, tmp_path: Path
) -> None:
    ways = {
        "original": (),
        "teacher": ("--teacher", teacher),
        "soft": ("--temperature", "20"),
        "features": ("--teacher-features", "3=3", "--teacher-features", "6=6"),
    }
    for name, wishes in ways.items():
        assert convert("--out", tmp_path / name, *FAST, *wishes).exception is None
    outs = [tmp_path / name for name in ways]
    assert not any(same(a, b) for a in outs for b in outs if a is not b)
    assert "the original; temperature 4, weight 0.9" in fact_of(outs[0])
    features = "the original; temperature 4, weight 0.9, features 3=3, 6=6"
    assert features in fact_of(outs[3])


def test_every_training_that_decides_learns_from_it_too(
    convert: Convert, teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, taught = tmp_path / "out", []
    train = "lithe.run.conversion.tune.train"

    def trained(*arguments: object, criterion: object, **_: object) -> None:
        taught.append(criterion)

    monkeypatch.setattr(train, trained)
    wishes = ("--keep-accuracy", "100", "--epochs", "1", "--teacher", teacher)
    assert convert("--out", out, *wishes).exception is None
    assert [lesson.taught.teacher for lesson in taught] == [str(teacher)] * 2  # type: ignore[attr-defined]


def test_a_teacher_that_is_the_same_object_as_the_original_is_apart_from_it(
    convert: Convert, tmp_path: Path
) -> None:
    torch.manual_seed(1)
    given = tmp_path / "given.safetensors"
    before = {name: value.clone() for name, value in networks.KEPT.state_dict().items()}
    save_file({name: torch.rand_like(value.float()) for name, value in before.items()}, given)
    for name, network in (("kept", f"{PACKAGE}:KEPT"), ("made", SMALL)):
        wishes = ("--teacher", network, "--teacher-weights", given, "--teacher-features", "3=6")
        result = convert("--out", tmp_path / name, *FAST, *wishes, source=network)
        assert result.exception is None
    assert same(tmp_path / "kept", tmp_path / "made")
    assert all(parameter.requires_grad for parameter in networks.KEPT.parameters())
    after = networks.KEPT.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    # All of it was trained, not only what was replaced.
    last = weights_of(tmp_path / "kept")["12.weight"]
    assert not torch.equal(last, before["12.weight"])


def test_a_finished_one_is_shown_without_its_teacher(
    convert: Convert, teacher: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(teacher.read_bytes())
    out = tmp_path / "out"
    first = convert("--out", out, *FAST, "--teacher", copy)
    copy.unlink()
    again = lithe("convert", "--resume", out, "--quiet")
    assert again.output == first.output


def test_one_that_is_not_finished_misses_its_teacher(
    convert: Convert, teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(teacher.read_bytes())

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(steps, "write_history", stopped)
        convert("--out", tmp_path / "out", *FAST, "--teacher", copy)
    copy.unlink()
    said = error_of(lithe("convert", "--resume", tmp_path / "out", "--quiet"))
    assert said.startswith(f"the teacher {copy}: ")


def test_from_python(images: Path, teacher: Path, tmp_path: Path, clock: object) -> None:
    how = Distillation(temperature=3.0, features=(("3", "blocks.1"),))
    result = package.convert(
        f"{PACKAGE}:small", images, out=tmp_path / "out", input_shape=(1, 3, 8, 8), layers=("3",),
        epochs=1, learning_rate=1e-3, threads=1, calibration=16, teacher=teacher, distillation=how,
    )  # fmt: skip
    said = f"{teacher}; temperature 3, weight 0.9, features 3=blocks.1"
    assert dict(result.rows.facts)["Teacher"] == said


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        (("--teacher", "none.onnx"), "there is no file "),
        (("--teacher", SMALL, "--teacher-weights", "w.safetensors"), "there is no file "),
        (("--teacher", "nothing"), "the teacher nothing: it has to be trained; name it as timm:"),
        (("--teacher", f"{PACKAGE}:nothing"), f"the teacher {PACKAGE}:nothing: "),
        (("--teacher", "timm:resnet18"), "knows 1000 classes and the images have 3"),
        (("--teacher", f"{PACKAGE}:four_classes"), "knows 4 classes and the images have 3"),
        (("--teacher", "OTHER"), "knows 'ant' where the images have "),
        (
            ("--teacher", SMALL, "--teacher-features", "3=layer3"),
            f"the teacher {SMALL} has no layer 'layer3'; it has 0, 1, 2 ...",
        ),
        (("--teacher-features", "3=layer3"), f"the teacher {SMALL} has no layer 'layer3'"),
        (("--teacher-features", "layer3=3"), "the student has no layer 'layer3'; it has 0, 1,"),
        (
            ("--teacher-features", "3.depthwise=3"),
            "the student has no layer '3.depthwise'; it has 0,",
        ),
        (("--teacher-features", "12=12"), "the layer '12' makes (1, 3), no map n c h w"),
        (("--teacher-features", "3"), "--teacher-features '3' names no two layers"),
        (("--teacher-weights", "w.safetensors"), "name it by --teacher (the weights of the netw"),
        (("--teacher", SMALL, "--epochs", "0"), "what a fine-tuning learns: leave out --epochs 0"),
        (("--temperature", "2", "--epochs", "0"), "what a fine-tuning learns: leave out --epochs"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_measured(
    wishes: tuple[str, ...],
    said: str,
    convert: Convert,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(steps, "timed", lambda *_: pytest.fail("it measured"))
    if "OTHER" in wishes:
        file = make_model_file(tmp_path / "t.safetensors", make_network(("ant", "bee", "cow")))
        wishes = ("--teacher", str(file))
    assert said in error_of(convert("--out", tmp_path / "out", *wishes))
    assert not (tmp_path / "out" / "convert.json").exists()
