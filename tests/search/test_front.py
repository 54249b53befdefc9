"""The front, against the definition said plainly."""

from hypothesis import given
from hypothesis import strategies as st

from lithe.search.front import Worth, chosen, depths, dominates, front, ranked, spread

# Few values, so that ties and equal points are common.
POINTS = st.lists(
    st.builds(
        Worth,
        st.sampled_from((0.5, 0.6, 0.7, 0.8)),
        st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3)),
    ),
    max_size=30,
)
COSTS = st.lists(st.floats(1e-6, 1e9), max_size=30)


def better_by_hand(one: Worth, other: Worth) -> bool:
    gains = [one.accuracy - other.accuracy] + [
        b - a for a, b in zip(one.costs, other.costs, strict=True)
    ]
    return min(gains) >= 0 and max(gains) > 0


@given(POINTS)
def test_dominance_is_nowhere_worse_and_somewhere_better(points: list[Worth]) -> None:
    for one in points:
        for other in points:
            assert dominates(one, other) == better_by_hand(one, other)


@given(POINTS)
def test_the_front_is_what_nothing_dominates_and_no_equal_twice(points: list[Worth]) -> None:
    expected = [
        index
        for index, point in enumerate(points)
        if not any(better_by_hand(other, point) for other in points) and point not in points[:index]
    ]
    assert list(front(points)) == expected


@given(POINTS)
def test_every_point_that_is_left_out_has_its_better_or_equal_on_the_front(
    points: list[Worth],
) -> None:
    kept = front(points)
    for index, point in enumerate(points):
        if index not in kept:
            assert any(points[k] == point or dominates(points[k], point) for k in kept)


@given(POINTS)
def test_depths_peel_one_front_after_the_other(points: list[Worth]) -> None:
    found = depths(points)
    left = list(range(len(points)))
    for depth in range(max(found, default=-1) + 1):
        layer = [left[i] for i in front([points[i] for i in left])]
        assert layer == [i for i in left if found[i] == depth]
        assert layer
        left = [i for i in left if i not in layer]
    assert not left


@given(COSTS, st.integers(0, 12))
def test_the_spread_is_distinct_rising_and_has_both_ends(costs: list[float], count: int) -> None:
    chosen = spread(costs, count)
    assert len(chosen) == len(set(chosen)) == min(count, len(costs))
    assert [costs[i] for i in chosen] == sorted(costs[i] for i in chosen)
    if chosen:
        assert costs[chosen[-1]] == max(costs)
    if len(chosen) > 1:
        assert costs[chosen[0]] == min(costs)


def test_the_spread_is_even_in_ratios_not_in_differences() -> None:
    costs = [2.0**power for power in range(9)]
    assert spread(costs, 5) == (0, 2, 4, 6, 8)
    assert spread(costs, 1) == (8,)
    assert spread(list(reversed(costs)), 3) == (8, 4, 0)


@given(POINTS)
def test_the_ranking_has_everyone_and_goes_by_depth(points: list[Worth]) -> None:
    order = ranked(points)
    assert sorted(order) == list(range(len(points)))
    found = depths(points)
    assert [found[i] for i in order] == sorted(found)


def test_of_equals_in_depth_small_ones_go_on_beside_large_ones() -> None:
    points = [Worth(0.5 + cost / 100, (float(cost),)) for cost in (1, 2, 4, 8, 16)]
    assert ranked(points)[:3] == (4, 0, 2)


@given(POINTS, st.integers(1, 8))
def test_what_is_chosen_is_on_the_front_and_the_best_in_the_first_cost_is_not_left_out(
    points: list[Worth], count: int
) -> None:
    found = chosen(points, count)
    whole = front(points)
    assert set(found) <= set(whole)
    assert len(found) == len(set(found)) == min(count, len(whole))
    assert [points[i].costs[0] for i in found] == sorted(points[i].costs[0] for i in found)
    if points:
        assert max(points[i].accuracy for i in found) == max(p.accuracy for p in points)
