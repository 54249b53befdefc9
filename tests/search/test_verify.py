"""The best first, narrowed where it is too slow, until one holds."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lithe.arch import Architecture, architecture
from lithe.latency_table.values import Predicted
from lithe.profiling.latency import Latency
from lithe.search.budget import Budget
from lithe.search.price import Price, static_price
from lithe.search.shortlist import Candidate
from lithe.search.verify import Attempt, first_that_holds, narrower, nothing_holds, slower_by
from lithe.search.widest import FINE_WIDTHS

RESOLUTIONS = (16, 24, 32)
LIMIT_S = 0.02


def table(resolution: int, width: float = 1.0) -> Architecture:
    return architecture("mobilenet_v2", width=width, resolution=resolution, num_classes=10)


@cache
def predicted(arch: Architecture) -> Candidate:
    """A machine that should need a nanosecond for a MAC."""
    price = static_price(arch)
    seconds = price.macs * 1e-9
    return Candidate(arch, replace(price, predicted=Predicted(seconds, 1.0, 1, "a machine")))


def prices(archs: Sequence[Architecture]) -> tuple[Price, ...]:
    return tuple(predicted(arch).price for arch in archs)


class Machine:
    """Takes `factor` times what is predicted, by resolution; one run in five a tenth more."""

    def __init__(self, limit: float, factors: dict[int, float]) -> None:
        self.limit, self.factors = limit, factors
        self.timed: list[Architecture] = []

    def measure(self, candidate: Candidate) -> Attempt:
        self.timed.append(candidate.arch)
        assert candidate.price.predicted is not None
        seconds = candidate.price.predicted.seconds * self.factors[candidate.arch.resolution]
        latency = Latency(0.9 * seconds, seconds, 1.1 * seconds, 16, 1, "lithe")
        return Attempt(candidate, latency, latency.p80_s <= self.limit, "today")


@given(
    st.floats(1e-3, 5e-2),
    st.fixed_dictionaries({r: st.floats(0.5, 4.0) for r in RESOLUTIONS}),
)
def test_what_wins_holds_and_nothing_better_that_was_timed_did(
    limit: float, factors: dict[int, float]
) -> None:
    budget = Budget(max_latency_s=limit)
    machine = Machine(limit, factors)
    ranked = [predicted(table(resolution)) for resolution in RESOLUTIONS]
    winner = first_that_holds(ranked, machine.measure, lambda a: narrower(a, budget, prices))
    assert len(set(machine.timed)) == len(machine.timed)
    if winner is None:
        assert {arch.resolution for arch in machine.timed} == set(RESOLUTIONS)
        return
    assert winner.price.latency is not None
    assert winner.price.latency.p80_s <= limit
    assert machine.timed[-1] == winner.arch
    place = RESOLUTIONS.index(winner.arch.resolution)
    assert {arch.resolution for arch in machine.timed} == set(RESOLUTIONS[: place + 1])
    # A factor that is the same at every width is known after the first time.
    assert [arch.resolution for arch in machine.timed].count(winner.arch.resolution) <= 2


def test_a_narrower_network_is_the_widest_that_should_hold() -> None:
    machine = Machine(LIMIT_S, {32: 2.0})
    attempt = machine.measure(predicted(table(32)))
    assert not attempt.holds
    found = narrower(attempt, Budget(max_latency_s=LIMIT_S), prices)
    assert found is not None
    assert machine.measure(found).holds
    wider = [w for w in FINE_WIDTHS if found.arch.width < w < 1.0]
    assert not any(machine.measure(predicted(table(32, w))).holds for w in wider)


def test_where_nothing_is_predicted_the_next_width_is_tried() -> None:
    plain = Candidate(table(32), static_price(table(32)))
    attempt = Attempt(plain, Latency(1, 1, 1, 1, 1, "eager"), False, "today")
    found = narrower(attempt, Budget(max_latency_s=LIMIT_S), lambda a: tuple(map(static_price, a)))
    assert found is not None
    assert found.arch == table(32, 0.85)


def test_what_was_timed_before_is_not_timed_again() -> None:
    machine = Machine(LIMIT_S, {32: 2.0})
    first = machine.measure(predicted(table(32)))
    machine.timed.clear()
    budget = Budget(max_latency_s=LIMIT_S)
    winner = first_that_holds(
        [predicted(table(32))], machine.measure, lambda a: narrower(a, budget, prices), [first]
    )
    assert winner is not None
    assert machine.timed == [winner.arch]


def test_the_last_word_on_a_network_counts() -> None:
    machine = Machine(1.0, {32: 2.0})
    held = machine.measure(predicted(table(32)))
    assert held.holds
    late = replace(held, holds=False, accuracy=0.9)  # after it had been trained
    budget = Budget(max_latency_s=held.measured.p80_s / 1.01)
    winner = first_that_holds(
        [predicted(table(32))],
        machine.measure,
        lambda a: narrower(a, budget, prices),
        [held, late],
    )
    assert winner is not None
    assert winner.arch.width < 1.0


def test_nothing_holds_names_the_closest_with_its_figures() -> None:
    machine = Machine(1e-6, {16: 1.0, 32: 1.0})
    attempts = [machine.measure(predicted(table(r))) for r in (32, 16)]
    text = str(nothing_holds(Budget(max_latency_s=1e-6), attempts))
    assert "(2 tried)" in text
    assert table(16).label in text
    assert "1 us (--max-latency)" in text
    assert "predicted" in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("then_s", "now_s", "slower"), [(1.0, 1.25, 0.25), (None, 1.0, 0.0), (1.0, None, 0.0)]
)
def test_slower_by(then_s: float | None, now_s: float | None, slower: float) -> None:
    assert slower_by(then_s, now_s) == slower
