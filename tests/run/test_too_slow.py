"""A budget on latency that predictions promise too much for: the search goes on until one holds."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import lithe
from lithe.arch import Architecture
from lithe.errors import LitheError
from lithe.latency_table.values import Predicted
from lithe.run import finished, run, search, timing
from lithe.run.finished import Timing
from lithe.run.folder import Folder, read_state
from lithe.run.prices import Prediction
from lithe.run.settings import PredictionError
from lithe.search.price import static_price

LIMIT_S = 1e-4


def promising(archs: Sequence[Architecture]) -> tuple[Predicted, ...]:
    """Ten times the speed of the quickest machines: whatever it lets through is too slow."""
    return tuple(Predicted(static_price(a).macs * 2e-12, 1.0, 1, "a fast machine") for a in archs)


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Predictions that are wrong, and no waiting for a calmer machine."""
    error = PredictionError(200, 0.03, 0.12)
    monkeypatch.setattr(
        search, "prediction_of", lambda *_: Prediction(promising, reference_s=1.0, error=error)
    )
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
    # One was trained in full before it was found too slow; a narrower one took its place.
    (rejected,) = (attempt for attempt in late if attempt.accuracy is not None)
    assert state.winner is not None
    assert state.winner.width < rejected.candidate.arch.width
    assert state.winner.name == rejected.candidate.arch.name
    assert lithe.load(result.model).arch == state.winner
    assert state.attempts[-1].holds
    assert [row.label for row in result.rows.attempts if row.accuracy] == [
        rejected.candidate.arch.label
    ]
    page = result.report.read_text()
    assert "Tried and too slow" in page
    assert "after training" in page
    assert "3.0 % of it (median), 12.0 % at worst" in page


def test_nothing_holds(tmp_path: Path) -> None:
    with pytest.raises(LitheError, match=r"none of \d+ networks that were compiled and timed"):
        fit(tmp_path / "run", 1e-6)
    # What was timed is kept, so that another try does not begin anew.
    assert len(read_state(tmp_path / "run").attempts) > 1
