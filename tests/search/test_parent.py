"""A trial's parent: the most similar of its family, then the most accurate."""

import random
from collections.abc import Sequence

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from lithe.search.parent import parent_of
from lithe.search.point import Point
from lithe.search.price import Price
from lithe.search.race import Standing
from lithe.search.shortlist import Candidate
from lithe.search.space import design_space, distance, table_of
from lithe.search.trial import Trial

SPACE = design_space(32)


def trial(number: int, point: Point, accuracy: float | None, lost: str = "") -> Trial:
    standings = () if accuracy is None else (Standing(accuracy, 1.0, 4),)
    candidate = Candidate(table_of(point, 1.0), Price(1, 1, 1))
    return Trial(number, 0, dict(SPACE.parameters(point)), candidate, None, standings, lost, True)


def chosen(point: Point, trials: Sequence[Trial]) -> int | None:
    return parent_of(SPACE, SPACE.parameters(point), trials)


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_no_other_trial_is_more_like_it(seed: int) -> None:
    draw = random.Random(seed)
    points = [SPACE.random_point(draw) for _ in range(8)]
    point = SPACE.random_point(draw)
    trials = [trial(number, each, draw.random()) for number, each in enumerate(points)]
    away = [distance(point, each) for each in points]
    number = chosen(point, trials)
    if number is None:
        assert all(each.family != point.family for each in points)
    else:
        assert away[number] == min(away)
        assert points[number].family == point.family


def test_of_equals_the_most_accurate_then_the_first() -> None:
    base = SPACE.base_point("mobilenet_v2", 32)
    other = msgspec.structs.replace(base, resolution=48)
    assert chosen(base, [trial(3, other, 0.5), trial(4, other, 0.7), trial(5, other, 0.7)]) == 4


def test_what_was_not_trained_is_nobodys_parent() -> None:
    base = SPACE.base_point("mobilenet_v2", 32)
    assert chosen(base, [trial(0, base, None), trial(1, base, 0.9, lost="killed")]) is None
    assert chosen(base, []) is None
