"""The front: networks of which none is better than another in everything at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log


@dataclass(frozen=True, slots=True)
class Worth:
    """What a network gives and what it takes; costs are in an order of the caller's choice.

    All that are compared have the same costs, none of which is unknown.
    """

    accuracy: float
    costs: tuple[float, ...]


def dominates(one: Worth, other: Worth) -> bool:
    """Whether `one` is nowhere worse than `other` and somewhere better.

    >>> cheap, same, dear = Worth(0.9, (1, 5)), Worth(0.9, (1, 5)), Worth(0.9, (2, 5))
    >>> dominates(cheap, dear), dominates(dear, cheap), dominates(cheap, same)
    (True, False, False)
    """
    return one != other and _no_worse(one, other)


def _no_worse(one: Worth, other: Worth) -> bool:
    return one.accuracy >= other.accuracy and all(
        ours <= theirs for ours, theirs in zip(one.costs, other.costs, strict=True)
    )


def front(points: Sequence[Worth]) -> tuple[int, ...]:
    """Which of the points none dominates, as indices in rising order.

    Of equal points the first stands for all: a second network that gives and takes the
    same is no further choice.
    """
    return _first_front(points, range(len(points)))


def _first_front(points: Sequence[Worth], among: Sequence[int]) -> tuple[int, ...]:
    # In this order nothing is dominated by, nor equal to, what comes later.
    order = sorted(among, key=lambda i: (-points[i].accuracy, points[i].costs, i))
    kept: list[int] = []
    for index in order:
        if not any(_no_worse(points[other], points[index]) for other in kept):
            kept.append(index)
    return tuple(sorted(kept))


def depths(points: Sequence[Worth]) -> tuple[int, ...]:
    """How many fronts lie before each point's own: 0 on the front, 1 once that is taken away.

    What successive halving ranks by when there is more than one objective (non-dominated
    sorting; NSGA-II, doi:10.1109/4235.996017, section III A). An equal point lies one deeper
    than the first of its kind.

    >>> depths([Worth(0.9, (2,)), Worth(0.8, (1,)), Worth(0.8, (2,)), Worth(0.9, (2,))])
    (0, 0, 2, 1)
    """
    result = [0] * len(points)
    left, depth = list(range(len(points))), 0
    while left:
        for index in (found := _first_front(points, left)):
            result[index] = depth
        left = [index for index in left if index not in set(found)]
        depth += 1
    return tuple(result)


def spread(costs: Sequence[float], count: int, given: Sequence[int] = ()) -> tuple[int, ...]:
    """At most `count` of some costs, evenly over their logarithm, as indices by rising cost.

    Those `given` are among them. Without any the dearest is, and from two on the cheapest;
    each further one is that which is farthest, in ratio, from all that are chosen already.
    Costs are above zero.

    >>> spread([1.0, 1.1, 10.0, 100.0, 90.0], 3)
    (0, 2, 3)
    """
    chosen = _farthest_first(costs, given)[: max(0, count)]
    return tuple(sorted(chosen, key=lambda i: (costs[i], i)))


def _farthest_first(costs: Sequence[float], given: Sequence[int] = ()) -> list[int]:
    left = sorted(set(range(len(costs))) - set(given), key=lambda i: (costs[i], i))
    chosen = list(given) or ([left.pop()] if left else [])
    while left:
        # After the dearest the cheapest comes of itself: nothing is farther.
        farthest = max(
            left, key=lambda i: min(abs(log(costs[i]) - log(costs[other])) for other in chosen)
        )
        chosen.append(farthest)
        left.remove(farthest)
    return chosen


def ranked(points: Sequence[Worth]) -> tuple[int, ...]:
    """All points, those first that are to go on: by depth, and spread out within a depth.

    With many costs nearly everything is on the first front. So of one depth the dearest
    comes first, then the cheapest, then what is farthest from those before in the first
    cost (an epsilon-net as in arXiv:2106.12639, section 3).
    """
    result: list[int] = []
    found = depths(points)
    for depth in range(max(found, default=-1) + 1):
        layer = [index for index, one in enumerate(found) if one == depth]
        order = _farthest_first([points[index].costs[0] for index in layer])
        result += [layer[index] for index in order]
    return tuple(result)


def chosen(points: Sequence[Worth], count: int) -> tuple[int, ...]:
    """At most `count` points of the front, evenly over the first cost, by rising cost.

    Those come first that nothing beats in accuracy and the first cost alone; where they are
    fewer than `count`, others of the front join them, which are better in another cost.
    """
    whole = front(points)
    plain = front([Worth(points[i].accuracy, points[i].costs[:1]) for i in whole])
    costs = [points[i].costs[0] for i in whole]
    if len(plain) > count:
        few = spread([costs[i] for i in plain], count)
        return tuple(whole[plain[i]] for i in few)
    return tuple(whole[i] for i in spread(costs, count, plain))
