"""The widest table of a structure within a budget, against trying every width."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lithe.arch import Architecture
from lithe.errors import LitheError
from lithe.latency_table.values import Predicted
from lithe.profiling.latency import Latency
from lithe.search.budget import Budget, broken, overrun
from lithe.search.point import Point
from lithe.search.price import Price, static_price
from lithe.search.shortlist import candidate_of
from lithe.search.space import design_space, table_of
from lithe.search.widest import FINE_WIDTHS, widest, widest_of

SPACE = design_space(typical_side=16)
points = st.integers(0, 2**32).map(lambda seed: SPACE.random_point(random.Random(seed)))


def predicted(seconds: float) -> Predicted:
    return Predicted(seconds, looked_up=1.0, threads=1, machine="a processor")


def by_macs(tables: Sequence[Architecture]) -> list[Price]:
    """A machine that is expected to take one nanosecond per MAC."""
    return [
        Price(p.macs, p.params, p.peak_activation_bytes, predicted=predicted(p.macs * 1e-9))
        for p in map(static_price, tables)
    ]


def naive(point: Point, budget: Budget) -> Architecture | None:
    for width in reversed(FINE_WIDTHS):
        try:
            table = table_of(point, width, 10, 3)
        except LitheError:
            return None
        if not broken(budget, by_macs([table])[0]):
            return table
    return None


@given(
    points,
    st.one_of(
        st.builds(Budget, max_macs=st.integers(10_000, 10_000_000)),
        st.builds(Budget, max_latency_s=st.floats(1e-5, 1e-2)),
        st.builds(Budget, max_params=st.integers(1000, 10**6), max_macs=st.integers(10_000, 10**7)),
    ),
)
@settings(max_examples=12, deadline=None)
def test_no_wider_one_fits(point: Point, budget: Budget) -> None:
    found = widest(point, budget, by_macs, 10, 3)
    assert (found.arch if found else None) == naive(point, budget)
    if found:
        assert not found.breaks
        assert found.price == by_macs([found.arch])[0]


def test_all_points_are_priced_together() -> None:
    rounds: list[int] = []

    def price(tables: Sequence[Architecture]) -> list[Price]:
        rounds.append(len(tables))
        return by_macs(tables)

    rng = random.Random(0)
    some = [SPACE.random_point(rng) for _ in range(6)]
    budget = Budget(max_macs=3_000_000)
    together = widest_of(some, budget, price, 10, 3)
    assert len(rounds) <= 6, "64 widths are bisected"
    assert together == tuple(widest(point, budget, by_macs, 10, 3) for point in some)
    assert widest_of([], budget, price, 10, 3) == ()


@pytest.mark.parametrize(
    ("latency", "expected", "breaks"),
    [
        (None, predicted(0.9), ()),
        (None, predicted(1.1), ("max_latency_s",)),
        (Latency(0.7, 0.8, 0.9, 9, 1, "lithe"), predicted(1.1), ()),
        (Latency(0.7, 0.8, 1.1, 9, 1, "lithe"), predicted(0.9), ("max_latency_s",)),
        (Latency(1.1, 1.2, 1.3, 9, 1, "lithe"), None, ("max_latency_s",)),
        (None, None, ()),
    ],
)
def test_what_was_measured_counts_before_what_was_predicted(
    latency: Latency | None, expected: Predicted | None, breaks: tuple[str, ...]
) -> None:
    price = Price(1, 1, 1, latency, expected)
    arch = table_of(SPACE.base_point("mobilenet_v2", 16), 0.5)
    budget = Budget(max_latency_s=1.0)
    assert candidate_of(arch, price, budget).breaks == breaks
    seconds = latency.p50_s if latency else expected.seconds if expected else 0.0
    assert overrun(budget, price) == seconds
