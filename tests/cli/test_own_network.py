"""A converted network of the user's own code, where that code is named on the command line."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.data_sets import make_folder
from tests.run.conversion.networks import SMALL, small

from lithe.cli import cli
from lithe.nets.card import ConvertedCard
from lithe.nets.conversion.file import save_converted
from lithe.nets.conversion.rewrite import rewritten
from lithe.nets.conversion.rows import Conversion, Replacement
from lithe.training.transforms import preprocessing

CLASSES = ("cross", "disc", "ring")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    rows = (Replacement("3", "separable", 1),)
    conversion = Conversion(SMALL, (1, 3, 8, 8), rows, 3)
    path = tmp_path / "m.safetensors"
    save_converted(
        path, rewritten(small(), rows), ConvertedCard(conversion, CLASSES, preprocessing(8, 3))
    )
    return path


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "images", classes=CLASSES, per_class=2)


def lithe(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, list(map(str, arguments)), standalone_mode=False)


def test_it_is_predicted_with_and_measured(model: Path, images: Path) -> None:
    answers = lithe("predict", model, images, "--network", SMALL, "--json", "--workers", "0")
    assert answers.exception is None
    assert len(json.loads(answers.stdout)) == 6
    found = lithe("evaluate", model, images, "--network", SMALL, "--json", "--workers", "0")
    assert found.exception is None
    assert json.loads(found.stdout)["images"] == 6


def test_it_is_profiled_and_compiled(model: Path, tmp_path: Path) -> None:
    profiled = lithe("profile", model, "--network", SMALL, "--static", "--json")
    assert profiled.exception is None
    assert '"3.depthwise"' in profiled.stdout
    compiled = lithe("compile", model, "--network", SMALL, "--cache", tmp_path / "cache")
    assert compiled.exception is None
    assert "input 1 x 3 x 8 x 8" in compiled.stdout


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("predict",), f"--network {SMALL}"),
        (
            ("evaluate", "--network", "tests.run.conversion.networks:other"),
            "3: separable cannot take its place",
        ),
        (("predict", "--network", "tests.run.conversion.networks:smal"), "did you mean small"),
    ],
)
def test_what_is_missing_or_wrong_is_one_line(
    command: tuple[str, ...], said: str, model: Path, images: Path
) -> None:
    name, *options = command
    result = lithe(name, model, images, *options)
    assert "\n" not in str(result.exception)
    assert said in str(result.exception)


def test_what_needs_no_code_takes_none() -> None:
    result = lithe("profile", "mobilenet_v2", "--static", "--network", SMALL)
    assert str(result.exception).startswith("mobilenet_v2 is no model file, so --network")
