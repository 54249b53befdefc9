"""Where costs put networks in opposite orders."""

from dataclasses import replace
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.report.compare_sample import counted_only, side_by_side, timed, unknown_side_by_side

from lithe.profiling import Profile
from lithe.report.orders import orders_text, reversals
from lithe.report.quantities import QUANTITIES, times

V1, V2 = counted_only().profiles
TIMED = side_by_side().profiles[1]


def network(name: str, macs: int, seconds: float, spread: float = 0.0) -> Profile:
    run = TIMED.latencies[0]
    total = replace(
        run.total, p20_s=seconds * (1 - spread), p50_s=seconds, p80_s=seconds * (1 + spread)
    )
    return replace(V1, name=name, macs=macs, latencies=(replace(run, total=total),))


def test_fewer_macs_and_more_time_is_a_sentence() -> None:
    found = orders_text((network("light", 300, 0.006), network("heavy", 600, 0.005)))
    assert found == ("light has 0.50 x the MACs of heavy, but 1.20 x the time in lithe's engine.",)


def test_ranges_that_overlap_say_nothing() -> None:
    pair = network("light", 300, 0.0052, 0.1), network("heavy", 600, 0.005, 0.1)
    assert orders_text(pair) == (
        "No other cost puts two of these networks in the other order than MACs.",
    )


def test_a_lower_bound_is_compared_to_nothing() -> None:
    known, bound = unknown_side_by_side().profiles
    slow = timed(bound, 9.0)
    assert reversals((known, slow)) == ()
    assert orders_text((known, slow)) == ()
    assert all(each.ratio(slow, known) is None for each in QUANTITIES if each.counted)


def test_the_runtimes_may_disagree_with_each_other() -> None:
    quick, slow = side_by_side().profiles[1:3]
    swapped = replace(quick, latencies=(slow.latencies[0], quick.latencies[1]))
    other = replace(slow, latencies=(quick.latencies[0], timed(slow, 2.0).latencies[1]))
    pairs = {(each.first.key, each.second.key) for each in reversals((swapped, other))}
    assert ("lithe_s", "eager_s") not in pairs
    crossed = replace(quick, latencies=(slow.latencies[0], slow.latencies[1]))
    other = replace(slow, latencies=(timed(slow, 0.5).latencies[0], timed(slow, 3.0).latencies[1]))
    pairs = {(each.first.key, each.second.key) for each in reversals((crossed, other))}
    assert ("lithe_s", "eager_s") in pairs


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 50), st.integers(1, 50)), min_size=2, max_size=7))
def test_pairs_are_those_of_a_naive_count(costs: list[tuple[int, int]]) -> None:
    networks = tuple(
        network(str(place), 1000 * macs, ms / 1000) for place, (macs, ms) in enumerate(costs)
    )
    naive = 0
    for (macs, ms), (other_macs, other_ms) in combinations(costs, 2):
        apart = max(macs, other_macs) / min(macs, other_macs) > 1.03
        naive += apart and (macs - other_macs) * (ms - other_ms) < 0
    found = [each for each in reversals(networks) if each.second.key == "lithe_s"]
    assert sum(each.pairs for each in found) == naive
    for each in found:
        assert each.less.macs < each.more.macs
        less, more = each.less.latency("lithe"), each.more.latency("lithe")
        assert less is not None
        assert more is not None
        assert less.total.p50_s > more.total.p50_s


@given(st.floats(1e-4, 1e5))
def test_a_ratio_is_said_to_three_digits(ratio: float) -> None:
    assert abs(float(times(ratio)) / ratio - 1) < 0.051
    assert len(times(ratio)) <= 8
