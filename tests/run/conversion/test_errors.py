"""What cannot be converted is told in one line, before anything long."""

from pathlib import Path

import pytest
from safetensors.torch import save_file
from tests.data_sets import make_folder
from tests.run.conversion import networks
from tests.run.conversion.conftest import Convert, lithe
from tests.run.conversion.networks import SMALL
from tests.run.conversion.test_convert import error_of

PACKAGE = "tests.run.conversion.networks"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--weights", "nowhere.safetensors"), "there is no file nowhere.safetensors"),
        (
            ("--layers", "blocks.*"),
            "no convolution or linear layer is called 'blocks.*'; there are 0",
        ),
        (("--layers", "0"), "0 names nothing that can be replaced: only 3 input channels"),
        (("--size", "10", "--layers", "3"), "3: separable of size 10, 8 is the largest"),
        (("--max-latency", "soon"), "--max-latency: "),
        (("--keep-accuracy", "1", "--epochs", "0"), "--keep-accuracy needs a fine-tuning"),
    ],
)
def test_what_was_asked_for(
    arguments: tuple[str, ...], said: str, convert: Convert, tmp_path: Path
) -> None:
    found = error_of(convert("--out", tmp_path / "out", *arguments))
    assert said in found


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (f"{PACKAGE}:four_classes", "has 4 outputs and the images have 3 classes"),
        (f"{PACKAGE}:nothing", "nothing"),
        ("mobilenet_v1", "give timm:NAME, torchvision:NAME or package.module:attribute"),
        ("nowhere.onnx", "nowhere.onnx"),
        ("nowhere", "nowhere"),
    ],
)
def test_the_network(source: str, said: str, convert: Convert, tmp_path: Path) -> None:
    assert said in error_of(convert("--out", tmp_path / "out", source=source))


def test_weights_of_another_network(convert: Convert, tmp_path: Path) -> None:
    save_file(networks.other().state_dict(), tmp_path / "other.safetensors")
    found = convert("--out", tmp_path / "out", "--weights", tmp_path / "other.safetensors")
    assert "are not the network's" in error_of(found)


def test_a_network_that_cannot_be_traced(convert: Convert, tmp_path: Path) -> None:
    found = error_of(convert("--out", tmp_path / "out", source=f"{PACKAGE}:Undecided"))
    assert "Undecided" in found
    assert "--runtime" not in found
    assert len(found) < 400


def test_after_an_early_error_the_folder_can_be_given_again(
    convert: Convert, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    error_of(convert("--out", out, "--layers", "blocks.*"))
    error_of(convert("--out", out, source=f"{PACKAGE}:Undecided"))
    assert "layer is called" in error_of(convert("--out", out, "--layers", "blocks.*"))


def test_folders(convert: Convert, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").touch()
    assert "not empty" in error_of(convert("--out", tmp_path / "out"))
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / "convert.json").touch()
    said = error_of(convert("--out", tmp_path / "begun"))
    assert f"holds another conversion; go on with it by --resume {tmp_path / 'begun'}" in said
    assert "no conversion in" in error_of(lithe("convert", "--resume", tmp_path / "none"))


def test_what_is_missing() -> None:
    assert "--data" in error_of(lithe("convert", SMALL, "--out", "out"))
    assert "--out FOLDER" in error_of(lithe("convert", SMALL, "--data", "digits"))
    assert "--resume" in error_of(lithe("convert"))


def test_going_on_takes_nothing_that_it_would_not_heed(convert: Convert, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert convert("--out", out, "--epochs", "0").exception is None
    state = (out / "convert.json").read_bytes()
    wishes = ("--epochs", "4", "--seed", "0", "--to", "low-rank", "--data", "elsewhere")
    said = error_of(lithe("convert", "--resume", out, *wishes, "--quiet"))
    begun = "--resume goes on with the settings it began with: leave out "
    assert said == f"{begun}--data, --to, --epochs, --seed"
    assert error_of(lithe("convert", SMALL, "--resume", out)) == f"{begun}SOURCE"
    for wish in (("--out", "x"), ("--temperature", "4"), ("--teacher-features", "3=3")):
        assert error_of(lithe("convert", "--resume", out, *wish)) == f"{begun}{wish[0]}"
    assert (out / "convert.json").read_bytes() == state
    assert lithe("convert", "--resume", out, "--quiet", "--json").exception is None


def test_few_images_are_noted(convert: Convert, tmp_path: Path) -> None:
    few = make_folder(tmp_path / "few", classes=3, per_class=6, formats=("png",), sides=(12, 16))
    result = convert("--out", tmp_path / "out", "--epochs", "1", data=few)
    assert result.exception is None
    said = " ".join(result.output.split())
    assert "images to calibrate with: losses per layer are rough" in said
    assert "images to calibrate with" in (tmp_path / "out" / "report.html").read_text()
