"""`lithe device --latency-table`: measured, taken along, extended, refused."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec import structs
from tests.command import finished
from tests.latency_table.sample import TINY

from lithe.cli import cli
from lithe.device.boards import BOARDS
from lithe.device.file import load_device
from lithe.latency_table import machine
from lithe.latency_table.carried import networks_in
from lithe.profiling import probe

HERE = BOARDS["pixel-1"]  # so that not all of this machine is measured in each test
TINIES = tuple(structs.replace(TINY, num_classes=n) for n in range(2, 6))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(probe, "measure_device", lambda _: HERE)
    monkeypatch.setattr(machine, "donors", lambda seed: iter(TINIES))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["device", *map(str, arguments)], catch_exceptions=False)


@pytest.mark.usefixtures("quick")
def test_a_table_is_measured_written_and_extended(tmp_path: Path) -> None:
    path = tmp_path / "here.json"
    arguments = ("--latency-table", "--out", path, "--networks")
    result = run(*arguments, 2)
    assert result.exit_code == 0
    assert "Measured latencies of steps" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert "up to 2 networks are compiled and timed with 1 thread" in result.stderr
    device = load_device(path)
    assert structs.replace(device, latency=()) == HERE
    (table,) = device.latency
    assert {times.arch for times in networks_in(table)} == set(TINIES[:2])
    result = run(*arguments, 3, "--json")
    assert "up to 1 networks" in result.stderr
    assert len(json.loads(result.stdout)["latency"][0]["networks"]) == 3
    # Another number of threads comes beside it; what is there already is not measured.
    run(*arguments, 1, "--threads", 2)
    result = run(*arguments, 2, "--threads", 1)
    assert "compiled and timed" not in result.stderr
    assert [(t.threads, len(t.networks)) for t in load_device(path).latency] == [(2, 1), (1, 3)]
    # What is kept for `lithe profile` stays small.
    assert load_device(tmp_path / "lithe" / "device.json").latency == ()
    code, text, _ = finished("device", path)
    assert code == 0
    assert "2 threads" in text


@pytest.mark.usefixtures("quick")
def test_a_table_of_a_newer_lithe_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "lithe").mkdir()
    with closing(sqlite3.connect(tmp_path / "lithe" / "latency.sqlite")) as file:
        file.execute("PRAGMA user_version = 99")
    code, out, err = finished("device", "--latency-table", "--networks", "1", "--quiet")
    assert (code, out) == (2, "")
    assert "format 99 of a newer lithe" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--threads", "2"), "are for --latency-table"),
        (("--networks", "2"), "are for --latency-table"),
        (("pixel-1", "--latency-table"), "takes no name"),
        (("--boards", "--latency-table"), "no other option"),
        (("--latency-table", "--threads", "0"), "is not in the range"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: tuple[str, ...], said: str) -> None:
    code, out, err = finished("device", *arguments)
    assert (code, out) == (2, "")
    assert said in err
