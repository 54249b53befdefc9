"""Whose weights a network begins with: those of the trained one that is most like it."""

from collections.abc import Sequence

from lithe.search.race import better_first
from lithe.search.sampler import Parameters
from lithe.search.space import DesignSpace, distance
from lithe.search.trial import Trial


def parent_of(space: DesignSpace, parameters: Parameters, trained: Sequence[Trial]) -> int | None:
    """The number of the trial that differs in the fewest choices; None: all differ in family.

    Of equally similar ones the most accurate is taken, then the first.
    """
    point = space.point_of(parameters)
    ranked = [
        (distance(point, space.point_of(trial.parameters)), better_first(trial.standing), trial)
        for trial in trained
        if trial.standing and not trial.lost
    ]
    nearest = min(ranked, key=lambda row: (row[0], row[1], row[2].number), default=None)
    return nearest[2].number if nearest and nearest[0] < 1 else None
