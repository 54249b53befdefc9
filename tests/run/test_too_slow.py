"""A budget on latency that predictions promise too much for: the search goes on until one holds."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.made_up_table import made_up_table

import lithe
from lithe.errors import LitheError
from lithe.latency_table.predictors import MachinePredictor
from lithe.run import finished, run, timing
from lithe.run.finished import Timing
from lithe.run.folder import Folder, read_state

LIMIT_S = 5e-5


@pytest.fixture(autouse=True)
def promises(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A table that promises a tenth of the time, and no waiting for a calmer machine."""
    made_up_table(monkeypatch, tmp_path / "cache", factor=0.1)
    # What is measured here says nothing of the made-up machine.
    monkeypatch.setattr(MachinePredictor, "learn", lambda self, arch: None)
    monkeypatch.setattr(timing, "PAUSES_S", ())


def fit(out: Path, limit: float = LIMIT_S) -> run.Result:
    budget = lithe.Budget(max_latency_s=limit)
    return lithe.fit("digits", budget, out=out, epochs=1, threads=1, search="grid", trials=2)


def test_until_one_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times: list[Timing] = []

    def late_once(folder: Folder) -> Timing:
        found = finished.time_finished(folder)
        times.append(replace(found, slower_by=0.0, too_slow=not times))
        return times[-1]

    monkeypatch.setattr(run, "time_finished", late_once)
    result = fit(tmp_path / "run")
    state = read_state(tmp_path / "run")
    late = [attempt for attempt in state.attempts if not attempt.holds]
    assert late[0].measured.p80_s > LIMIT_S
    assert late[0].candidate.price.predicted is not None
    assert late[0].candidate.price.predicted.seconds < LIMIT_S
    # One was trained in full before it was found too slow; a narrower one took its place, or,
    # where this machine was too busy for any of that structure, the next structure.
    (rejected,) = (attempt for attempt in late if attempt.accuracy is not None)
    assert state.winner is not None
    before = rejected.candidate.arch
    if (state.winner.name, state.winner.resolution) == (before.name, before.resolution):
        assert state.winner.width < before.width
    assert state.winner.label != before.label
    assert lithe.load(result.model).arch == state.winner
    assert state.attempts[-1].holds
    assert [row.label for row in result.rows.attempts if row.accuracy] == [
        rejected.candidate.arch.label
    ]
    page = result.report.read_text()
    assert "Tried and too slow" in page
    assert "after training" in page
    assert "Latency is predicted from kernels that were measured on this machine" in page


def test_nothing_holds(tmp_path: Path) -> None:
    with pytest.raises(LitheError, match=r"compiled and timed \(\d+ tried\)"):
        fit(tmp_path / "run", 4e-6)  # no network is so quick, but several are promised to be
    # What was timed is kept, so that another try does not begin anew.
    assert len(read_state(tmp_path / "run").attempts) > 1
