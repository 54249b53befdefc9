"""Images of three classes, a clock that is made up, and conversions of a small network."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.data_sets import make_folder
from tests.run.conversion.clock import Clock, made_up
from tests.run.conversion.networks import SMALL

from lithe.cli import cli
from lithe.nets.conversion.rows import Replacement

Convert = Callable[..., Result]
clock = pytest.fixture(made_up)


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("images")
    return make_folder(root, classes=3, per_class=16, formats=("png",), sides=(12, 16))


@pytest.fixture
def convert(images: Path, clock: Clock) -> Convert:
    """`lithe convert` in this process: exit code is the return value, errors are raised.

    At a rate that is given: whether a trial finds one that does no harm to networks that know
    nothing is chance.
    """

    def run(
        *arguments: str | Path,
        source: str = SMALL,
        data: Path = images,
        rate: tuple[str, ...] = ("--learning-rate", "0.001"),
    ) -> Result:
        command = [
            "convert", source, "--data", data, "--input", "1x3x8x8", "--threads", "1", "--workers",
            "0", "--calibration", "32", "--quiet", *rate, *arguments,
        ]  # fmt: skip
        return lithe(*command)

    return run


@pytest.fixture
def losing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every replacement loses, a larger one less."""

    def loss(network: object, row: Replacement, *_: object) -> float:
        return 10 / row.size

    monkeypatch.setattr("lithe.run.conversion.sensitivity._loss_with", loss)


def lithe(*arguments: str | Path) -> Result:
    environment = {"COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"}
    return CliRunner(env=environment).invoke(cli, list(map(str, arguments)), standalone_mode=False)
