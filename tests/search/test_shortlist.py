"""From all candidates to a few."""

import pytest

from lithe.arch import Architecture
from lithe.errors import LitheError
from lithe.profiling.latency import Latency
from lithe.search.budget import Budget, broken
from lithe.search.price import static_price
from lithe.search.shortlist import RACERS_PER_FAMILY, impossible, largest_that_fit, racers
from lithe.search.space import FAMILIES, resolutions, space

TABLES = space(typical_side=32, num_classes=10, in_channels=3)


def by_macs(arch: Architecture) -> Latency:
    """A machine whose latency is exactly one nanosecond per MAC."""
    seconds = static_price(arch).macs * 1e-9
    return Latency(seconds, seconds, seconds, runs=1, threads=1, runtime="lithe")


@pytest.mark.parametrize(
    ("side", "expected"),
    [
        (8, (8, 12, 16)),
        (28, (8, 12, 16, 24, 32, 48)),
        (32, (8, 12, 16, 24, 32, 48, 64)),
        (500, (64, 80, 96, 128, 160, 192, 224)),
        (1, (8,)),
    ],
)
def test_resolutions_follow_the_images(side: int, expected: tuple[int, ...]) -> None:
    assert resolutions(side) == expected


@pytest.mark.smoke
def test_the_widest_within_the_budget_is_chosen_in_every_group() -> None:
    budget = Budget(max_macs=5_000_000, max_params=200_000)
    chosen = largest_that_fit(TABLES, budget)
    assert len(chosen) == len(FAMILIES) * len(resolutions(32))
    for candidate in chosen:
        wider = [
            table
            for table in TABLES
            if (table.name, table.resolution) == (candidate.arch.name, candidate.arch.resolution)
            and table.width > candidate.arch.width
        ]
        if not candidate.breaks:
            assert not broken(budget, static_price(candidate.arch))
            assert all(broken(budget, static_price(table)) for table in wider[:1])
        else:
            assert all(broken(budget, static_price(table)) for table in wider)


def test_a_limit_on_latency_is_bisected_with_few_measurements() -> None:
    asked_of: list[str] = []

    def latency(arch: Architecture) -> Latency:
        asked_of.append(arch.label)
        return by_macs(arch)

    budget = Budget(max_latency_s=0.005)
    same = Budget(max_macs=5_000_000)
    measured = largest_that_fit(TABLES, budget, latency)
    static = largest_that_fit(TABLES, same)
    assert [c.arch for c in measured if not c.breaks] == [c.arch for c in static if not c.breaks]
    assert len(asked_of) <= 6 * len(measured)


def test_the_80th_percentile_has_to_hold() -> None:
    def noisy(arch: Architecture) -> Latency:
        return Latency(0.001, 0.004, 0.006, 1, 1, "lithe")

    assert all(c.breaks for c in largest_that_fit(TABLES, Budget(max_latency_s=0.005), noisy))


def test_racers_use_the_budget_and_spread_over_families() -> None:
    candidates = largest_that_fit(TABLES, Budget(max_macs=20_000_000))
    field = racers(candidates)
    assert {c.arch.name for c in field} == set(FAMILIES)
    assert len({c.arch.label for c in field}) == len(field) <= RACERS_PER_FAMILY * len(FAMILIES)
    for candidate in field:
        family = [c for c in candidates if c.arch.name == candidate.arch.name and not c.breaks]
        assert candidate.price.macs * 2 >= max(c.price.macs for c in family)


def test_an_impossible_budget_names_the_cheapest_and_what_it_breaks() -> None:
    budget = Budget(max_macs=1000, max_latency_s=1e-6)
    error = impossible(budget, largest_that_fit(TABLES, budget), by_macs)
    assert isinstance(error, LitheError)
    assert "MACs (asked 1 k, --max-macs)" in str(error)
    assert "latency (asked 1 us, --max-latency)" in str(error)
