"""Searches are compared at equal training, and the tables say what came of it."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from benchmarks.search import epochs_for, trained_macs
from benchmarks.search_tables import METHODS, inherited, order, search

from benchmarks import kept
from lithe.arch import architecture
from lithe.run.settings import Machine, Settings, State
from lithe.search.price import Price
from lithe.search.race import Standing, race_epochs
from lithe.search.shortlist import Candidate
from lithe.training.recipe import recipe_for

CONDITIONS = {"cpu": "CPU", "versions": {"torch": "2"}, "python": "3", "date": "today"}
IMAGES, STEPS = 1000, 100


def state(epochs: int) -> State:
    """A finished run of a grid of four racers of 100 to 400 MACs; the largest won."""
    race = race_epochs(epochs, STEPS)
    half = round(race / 2)
    tables = [architecture("mobilenet_v2", width=w) for w in (0.25, 0.5, 0.75, 1.0)]
    prices = [Price(macs, 1, 1) for macs in (100, 200, 300, 400)]
    epochs_of = (half, half, race, race)
    return State(
        lithe="0",
        command="",
        settings=Settings(data=""),
        machine=Machine("", "", "", "", 1, ""),
        started="",
        candidates=tuple(Candidate(t, p) for t, p in zip(tables, prices, strict=True)),
        standings={
            t.label: Standing(0.5 + 0.1 * i, 1.0, epochs_of[i]) for i, t in enumerate(tables)
        },
        winner=tables[-1],
        recipe=msgspec.structs.replace(recipe_for(IMAGES, 1000), epochs=epochs),
    )


def test_training_is_counted_in_macs() -> None:
    # 20 epochs; a race of 4 epochs, the first half of it for all four.
    raced = 2 * (100 + 200 + 300 + 400) + 2 * (300 + 400)
    assert trained_macs(state(20), IMAGES) == IMAGES * (0.85 * raced + 20 * 400)


@pytest.mark.parametrize("factor", [1, 1.7, 4.0])
def test_the_grid_trains_at_least_as_much_and_hardly_more(factor: float) -> None:
    least = int(factor * trained_macs(state(20), IMAGES))
    epochs = epochs_for(state(20), IMAGES, STEPS, least)
    assert trained_macs(state(epochs), IMAGES) >= least
    assert epochs == 20 or trained_macs(state(epochs - 1), IMAGES) < least


def test_only_what_is_missing_is_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(kept, "RESULTS", tmp_path)
    (tmp_path / "some.json").write_text('{"rows": [{"data": "a", "seed": 0, "x": 1}]}')
    cases = [{"data": "a", "seed": 0}, {"data": "a", "seed": 1}, {"data": "b", "seed": 0}]
    assert kept.missing("some", cases) == cases[1:]
    assert kept.missing("other", cases) == cases


def family(*races: float) -> list[dict[str, Any]]:
    full = (0.5, 0.6, 0.7, 0.8)
    return [
        {"data": "a", "seed": 0, "race_alone": r, "race_inherited": f, "full": f}
        for r, f in zip(races, full, strict=True)
    ]


@pytest.mark.parametrize(
    ("races", "agreement"),
    [
        ((0.1, 0.2, 0.3, 0.4), 1.0),
        ((0.4, 0.3, 0.2, 0.1), -1.0),
        ((0.1, 0.1, 0.1, 0.1), 0.0),
        # Ranks 0.5 0.5 2 3 against 0 1 2 3: the covariance is 4.5, the variances 4.5 and 5.
        ((0.1, 0.1, 0.3, 0.4), 4.5 / (4.5 * 5) ** 0.5),
    ],
)
def test_order_is_spearmans_correlation(races: tuple[float, ...], agreement: float) -> None:
    assert order(family(*races), "race_alone") == pytest.approx(agreement)


def test_the_table_of_inherited_weights() -> None:
    text = inherited({"rows": family(0.4, 0.3, 0.2, 0.1), "conditions": CONDITIONS})
    assert "| a | 0 | 25.0% | 65.0% | 65.0% | -1.00 | +1.00 |" in text
    assert "by +2.00 on average; it is better in 1 of 1 families" in text


def test_the_table_of_searches_says_what_was_no_better() -> None:
    rows = [
        {
            "data": data, "budget": "--max-macs 1M", "seed": seed, "method": method,
            "accuracy": accuracy + 0.01 * seed, "epochs": 20, "trained_macs": 10**9,
            "chosen": {"label": "mobilenet_v2_w1_r8", "macs": 10**6},
        }
        for data, accuracies in (("a", (0.92, 0.9, 0.91)), ("b", (0.9, 0.9, 0.9)))
        for seed in (0, 1)
        for method, accuracy in zip(METHODS, accuracies, strict=True)
    ]  # fmt: skip
    text = search({"rows": rows, "conditions": CONDITIONS})
    assert "| a | `--max-macs 1M` | 2 | 92.50% | 90.50% | 91.50% | +1.00 points |" in text
    assert "| b | `--max-macs 1M` | 2 | 90.50% | 90.50% | 90.50% | +0.00 points, **not" in text
    assert text.count("`mobilenet_v2_w1_r8`") == len(rows)
