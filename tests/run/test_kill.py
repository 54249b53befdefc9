"""A run that is killed at random points ends with the bits of one that was not."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.command import finished, lithe
from tests.made_up_table import made_up_table

from lithe.nets.model_file import load

FIT = (
    "fit", "digits", "--max-macs", "600k", "--max-latency", "1s", "--trials", "8",
    "--search", "space", "--epochs", "5", "--threads", "1", "--quiet",
)  # fmt: skip
KILLS = 4


def kill(process: "subprocess.Popen[str]", how: signal.Signals) -> None:
    os.killpg(process.pid, how)
    process.communicate(timeout=60)


@pytest.fixture(scope="module", autouse=True)
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Latencies are predicted from a table that nobody had to measure first."""
    with pytest.MonkeyPatch.context() as patch:
        made_up_table(patch, tmp_path_factory.mktemp("cache"))
        yield


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """The run to compare with, and how long it took in seconds."""
    out = tmp_path_factory.mktemp("whole") / "run"
    started = time.monotonic()
    code, _, err = finished(*FIT, "--out", out)
    assert code == 0, err
    return out, time.monotonic() - started


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_killed_and_resumed(
    uninterrupted: tuple[Path, float], tmp_path: Path, how: signal.Signals
) -> None:
    whole, seconds = uninterrupted
    seed = random.randrange(2**32)
    print(f"kill points from seed {seed}")
    draw = random.Random(seed)
    out = tmp_path / "run"
    process = lithe(*FIT, "--out", out)
    for _ in range(KILLS):
        try:
            process.wait(timeout=draw.uniform(0.3, 1.0) * seconds)
        except subprocess.TimeoutExpired:
            kill(process, how)
        if not (out / "run.json").exists():  # killed before there was anything to go on with
            process = lithe(*FIT, "--out", out)
        else:
            process = lithe("fit", "--resume", out, "--quiet")
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert (out / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert load(out / "model.safetensors").card is not None
    assert (out / "report.html").stat().st_size > 1_000_000
    left = sorted(path.name for path in out.iterdir())
    assert left == ["history.csv", "model.safetensors", "report.html", "run.json", "trials.db"]


def test_a_stopped_run_says_how_to_go_on(tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = lithe(*FIT, "--out", out)
    while not list(out.glob("work/trial-*.safetensors")) and process.poll() is None:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.strip().splitlines()[-1] == f"lithe: stopped; go on with: lithe fit --resume {out}"
    assert "Traceback" not in err


def test_two_processes_never_work_in_one_folder(tmp_path: Path) -> None:
    out = tmp_path / "run"
    first = lithe(*FIT, "--out", out)
    while not (out / "run.json").exists() and first.poll() is None:
        time.sleep(0.05)
    code, _, err = finished("fit", "--resume", out)
    kill(first, signal.SIGKILL)
    assert code == 2
    assert err == f"lithe: another process is working in {out}; wait for it or stop it\n"
