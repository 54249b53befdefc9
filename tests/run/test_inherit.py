"""A search in which candidates inherit weights, where it is switched on."""

import json
import sqlite3
from pathlib import Path

import pytest
from tests.data_sets import make_folder

import lithe.run.search
from lithe.nets.inherit import inherit
from lithe.progress import Progress
from lithe.run.run import start_run
from lithe.run.settings import Settings
from lithe.search.budget import Budget


def test_later_generations_begin_with_the_weights_of_earlier_ones(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shares: dict[str, float] = {}

    def watched(child, parent, weights):  # type: ignore[no-untyped-def]
        inherited = inherit(child, parent, weights)
        shares[child.arch.label] = inherited.share
        return inherited

    monkeypatch.setattr(lithe.run.search, "INHERIT", True)
    monkeypatch.setattr(lithe.run.search, "inherit", watched)
    images = make_folder(tmp_path / "images", classes=2, per_class=8, sides=(8, 8))
    settings = Settings(
        data=str(images),
        budget=Budget(max_macs=3_000_000),
        epochs=1,
        threads=1,
        workers=0,
        search="space",
        trials=8,
    )
    start_run(settings, tmp_path / "run", "", Progress(quiet=True))
    with sqlite3.connect(tmp_path / "run" / "trials.db") as store:
        rows = store.execute(
            "select number, key, value_json from trial_user_attributes "
            "join trials using (trial_id) where key in ('generation', 'parent', 'label')"
        ).fetchall()
    trials: dict[int, dict[str, object]] = {}
    for number, key, value in rows:
        trials.setdefault(number, {})[key] = json.loads(value)
    drawn = [trial for trial in trials.values() if trial["generation"] and "label" in trial]
    assert drawn
    assert all("parent" not in t or t["parent"] is None for t in trials.values() if t not in drawn)
    with_parent = {str(trial["label"]) for trial in drawn if trial["parent"] is not None}
    assert with_parent == shares.keys()
    assert all(0 < share <= 1 for share in shares.values())
