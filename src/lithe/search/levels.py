"""Levels of a budget: the front is searched at several shares of it at once."""

from collections.abc import Mapping, Sequence

from lithe.search.budget import LIMITS, Budget, Limit
from lithe.search.front import Worth, chosen, ranked
from lithe.search.price import Price
from lithe.search.race import Standing
from lithe.search.shortlist import Candidate
from lithe.search.trial import Trial

# Shares of every limit that networks are made as wide as possible for; about evenly spaced in
# ratio, since a front is looked at on a logarithmic axis.
LEVELS = (1.0, 0.7, 0.5, 0.35, 0.25, 0.18)
LEVEL = "level"  # the parameter's name in a study


def scaled(budget: Budget, level: float) -> Budget:
    """That share of every limit that a budget sets.

    >>> scaled(Budget(max_macs=1000, max_latency_s=0.01), 0.25)
    Budget(max_macs=250, max_params=None, max_activation_bytes=None, max_latency_s=0.0025)
    """

    def share(limit: int | None) -> int | None:
        return None if limit is None else max(1, int(limit * level))

    return Budget(
        max_macs=share(budget.max_macs),
        max_params=share(budget.max_params),
        max_activation_bytes=share(budget.max_activation_bytes),
        max_latency_s=None if budget.max_latency_s is None else budget.max_latency_s * level,
    )


def objectives(budget: Budget) -> tuple[Limit, ...]:
    """What the front minimises beside maximising accuracy; the first is what it is spread by.

    Latency where it is limited, peak activation and MACs always, parameters where they are
    limited.
    """
    named = {limit.field: limit for limit in LIMITS}
    wanted = ["max_macs", "max_activation_bytes"]
    if budget.max_latency_s is not None:
        wanted.insert(0, "max_latency_s")
    if budget.max_params is not None:
        wanted.append("max_params")
    return tuple(named[field] for field in wanted)


def worth(accuracy: float, price: Price, costs: Sequence[Limit]) -> Worth:
    """A network among others on a front; its price has all these costs."""
    known = []
    for cost in costs:
        value = cost.price(price)
        assert value is not None, f"no {cost.what}"
        known.append(float(value))
    return Worth(accuracy, tuple(known))


def order(standings: Mapping[int, tuple[Candidate, Standing]], costs: Sequence[Limit]) -> list[int]:
    """Who goes on in a race for a front: small networks beside large ones."""
    numbers = list(standings)
    points = [worth(standings[n][1].accuracy, standings[n][0].price, costs) for n in numbers]
    return [numbers[index] for index in ranked(points)]


def worth_training(
    trials: Sequence[Trial], costs: Sequence[Limit], count: int
) -> tuple[Candidate, ...]:
    """At most `count` candidates that are on the front of those trained furthest.

    Accuracies after more and fewer epochs are not compared with each other.
    """
    known = [trial for trial in trials if trial.standing and not trial.lost]
    furthest = max((t.standing.epochs for t in known if t.standing), default=0)
    last = [t for t in known if t.standing and t.standing.epochs == furthest]
    points = [worth(t.standing.accuracy, t.candidate.price, costs) for t in last if t.standing]
    return tuple(last[index].candidate for index in chosen(points, count))
