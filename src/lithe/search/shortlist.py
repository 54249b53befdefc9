"""From all candidates to the few that are worth training."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from lithe.arch import Architecture
from lithe.errors import LitheError
from lithe.profiling.latency import Latency
from lithe.search.budget import FORMAT, Budget, Limit, asked, broken, overrun
from lithe.search.price import Price, static_prices

RACERS_PER_FAMILY = 2


@dataclass(frozen=True, slots=True)
class Candidate:
    """A table, what it costs as far as is known, and the limits that it breaks."""

    arch: Architecture
    price: Price
    breaks: tuple[str, ...] = ()


def largest_that_fit(
    tables: Iterable[Architecture],
    budget: Budget,
    latency: Callable[[Architecture], Latency] | None = None,
    on_priced: Callable[[], None] = lambda: None,
    prices: Callable[[Sequence[Architecture]], Sequence[Price]] = static_prices,
) -> tuple[Candidate, ...]:
    """One candidate for each family and resolution: the widest within the budget.

    `tables` come grouped by family and resolution, narrowest first (as `space` lists
    them). All are priced, which compiles nothing. With a limit on latency, `latency` is asked for
    those that fit otherwise, by bisection over widths; its 80th percentile has to be within
    the limit, so that the median of a later measurement is too. Where nothing of a group
    fits, its narrowest is returned with the limits that it breaks.
    """
    result = []
    for _, group in groupby(tables, key=lambda table: (table.name, table.resolution)):
        same = list(group)
        priced = [
            candidate_of(table, price, budget)
            for table, price in zip(same, prices(same), strict=True)
        ]
        fitting = [candidate for candidate in priced if not candidate.breaks]
        if fitting and budget.max_latency_s is not None and latency is not None:
            result.append(_widest_in_time(fitting, budget, latency))
        else:
            result.append(fitting[-1] if fitting else priced[0])
        on_priced()
    return tuple(result)


def _widest_in_time(
    fitting: Sequence[Candidate], budget: Budget, latency: Callable[[Architecture], Latency]
) -> Candidate:
    measured: dict[int, Candidate] = {}
    low, high = 0, len(fitting) - 1
    best: Candidate | None = None
    while low <= high:
        # The widest first: where it fits, which is common, nothing else is measured.
        middle = high if not measured else (low + high) // 2
        candidate = fitting[middle]
        price = replace(candidate.price, latency=latency(candidate.arch))
        measured[middle] = candidate = candidate_of(candidate.arch, price, budget)
        if candidate.breaks:
            high = middle - 1
        else:
            best, low = candidate, middle + 1
    return best or measured[min(measured)]


def candidate_of(arch: Architecture, price: Price, budget: Budget) -> Candidate:
    """A table at its price, held against a budget.

    Of a measured latency the 80th percentile has to be within the limit, of a predicted one
    the time itself.
    """
    names = [limit.field for limit in broken(budget, price)]
    slow = price.latency is not None and price.latency.p80_s > (budget.max_latency_s or 1e9)
    if slow and "max_latency_s" not in names:
        names.append("max_latency_s")
    return Candidate(arch, price, tuple(names))


def racers(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Those that the race starts with: of each family two that use the budget, spread out.

    A candidate that spends less than half the MACs of its family's largest is left out: it
    is limited by its resolution, not by the budget. Of the others two are taken, spread
    evenly from small inputs and wide layers to large inputs and narrow layers.
    """
    chosen: list[Candidate] = []
    fitting = [candidate for candidate in candidates if not candidate.breaks]
    for _, group in groupby(fitting, key=lambda candidate: candidate.arch.name):
        family = list(group)
        most = max(candidate.price.macs for candidate in family)
        rich = [c for c in family if c.price.macs * 2 >= most]
        count = min(RACERS_PER_FAMILY, len(rich))
        chosen += [rich[int((i + 0.5) * len(rich) / count)] for i in range(count)]
    return tuple(chosen)


def impossible(
    budget: Budget,
    candidates: Sequence[Candidate],
    latency: Callable[[Architecture], Latency] | None = None,
) -> LitheError:
    """The error for a budget that nothing meets: the cheapest candidate, and what it breaks."""
    cheapest = min(candidates, key=lambda candidate: overrun(budget, candidate.price))
    price = cheapest.price
    if budget.max_latency_s is not None and price.latency is None and latency is not None:
        price = replace(price, latency=latency(cheapest.arch))
    limits = [
        _exceeded(limit, value, price)
        for limit, value in asked(budget)
        if (cost := limit.price(price)) is not None and cost > value
    ]
    if not limits:  # its median is within the limit, the 80th percentile is not
        limits = [
            _exceeded(limit, v, price) for limit, v in asked(budget) if limit.unit == "seconds"
        ]
    return LitheError(
        f"nothing fits this budget: the cheapest candidate, {cheapest.arch.label}, needs "
        + " and ".join(limits)
    )


def _exceeded(limit: Limit, value: float, price: Price) -> str:
    show = FORMAT[limit.unit]
    return f"{show(limit.price(price) or 0)} {limit.what} (asked {show(value)}, {limit.option})"
