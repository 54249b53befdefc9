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
from lithe.engine.target import instruction_set
from lithe.latency_table import machine, predictors
from lithe.latency_table.carried import networks_in
from lithe.latency_table.context import context_of
from lithe.latency_table.plan import Planner
from lithe.latency_table.store import open_table
from lithe.latency_table.values import NetworkTimes, StepTime
from lithe.profiling import probe

HERE = BOARDS["pixel-1"]  # so that not all of this machine is measured in each test
# The first has work for two threads.
TINIES = (
    structs.replace(TINY, width=16.0, resolution=64),
    *(structs.replace(TINY, num_classes=n) for n in range(2, 5)),
)


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


@pytest.mark.usefixtures("quick")
def test_predictions_are_checked_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = context_of(instruction_set(), 1)
    planner, table = Planner(instruction_set(), 1), open_table()
    for number in range(20, 40):
        arch = structs.replace(TINY, num_classes=number)
        rows = tuple(StepTime(step, "n", 1e-6) for step in planner.steps([arch])[0])
        table.add(context, NetworkTimes(arch, rows, 1e-5, 1e-4))
    monkeypatch.setattr(predictors, "NETWORKS", 20)
    some = tuple(structs.replace(TINY, num_classes=n) for n in range(2, 12))
    monkeypatch.setattr("lithe.search.space.random_tables", lambda *_: some)
    path = tmp_path / "check.json"
    result = run("--check", 10, "--out", path)
    assert result.exit_code == 0
    assert "10 random networks predicted, then measured" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80
    kept = json.loads(path.read_text())
    assert (kept["checked"], kept["networks_in_table"], kept["threads"]) == (10, 20, 1)
    worst = max(abs(n["predicted_s"] / n["measured_s"] - 1) for n in kept["networks"])
    assert kept["worst_error"] == pytest.approx(worst)
    code, _, text = finished("device", "--check", "10", "--boards")
    assert code == 2
    assert "--check goes with" in text
