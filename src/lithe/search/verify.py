"""No candidate wins before it was compiled and timed: the best first, until one holds."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from lithe.arch import Architecture, changed
from lithe.errors import LitheError
from lithe.profiling.latency import Latency
from lithe.search.budget import Budget
from lithe.search.price import Price
from lithe.search.shortlist import Candidate
from lithe.search.space import WIDTHS
from lithe.search.widest import FINE_WIDTHS
from lithe.units import format_seconds

NARROWED = 3  # times that one structure is tried again with fewer channels
SLOWER = 0.1  # share by which the reference network is late before the machine is called slow


@dataclass(frozen=True, slots=True)
class Attempt:
    """A candidate that was compiled and timed on this machine.

    `reference_s` is how long the reference network took in the same rounds; it tells a slow
    machine from a slow network. `accuracy` is given where the network had been trained in
    full before it was found too slow. `when` is a time in UTC.
    """

    candidate: Candidate
    measured: Latency
    holds: bool
    when: str
    reference_s: float | None = None
    accuracy: float | None = None


# Compiles and times a candidate.
Measure = Callable[[Candidate], Attempt]
# Prices tables without compiling them.
Prices = Callable[[Sequence[Architecture]], Sequence[Price]]


def first_that_holds(
    ranked: Iterable[Candidate],
    measure: Measure,
    narrower: Callable[[Attempt], Candidate | None],
    known: Sequence[Attempt] = (),
) -> Candidate | None:
    """The first candidate whose measured latency is within the limit, narrowed where needed.

    `ranked` come best first. One that is too slow is tried again with the width that
    `narrower` names, up to three times, before the next of the ranking has its turn. What
    `known` tells of a candidate is not measured again; its last word counts. None where
    nothing holds.
    """
    told = {attempt.candidate.arch.label: attempt for attempt in known}
    for first in ranked:
        for candidate in _ever_narrower(first, told, narrower):
            attempt = told.get(candidate.arch.label)
            if attempt is None:
                attempt = told[candidate.arch.label] = measure(candidate)
            if attempt.holds:
                return replace(candidate, price=replace(candidate.price, latency=attempt.measured))
    return None


def _ever_narrower(
    candidate: Candidate,
    told: dict[str, Attempt],
    narrower: Callable[[Attempt], Candidate | None],
) -> Iterator[Candidate]:
    yield candidate
    for _ in range(NARROWED):
        found = narrower(told[candidate.arch.label])
        if found is None:
            return
        candidate = found
        yield candidate


def narrower(attempt: Attempt, budget: Budget, prices: Prices) -> Candidate | None:
    """The widest table of the same structure that should hold, by what was just measured.

    All predictions for the structure are taken to be wrong by the factor that this one's is
    by now; its 80th percentile counts, as it has to hold. Where nothing is predicted it is
    the next width. None where no width is left.
    """
    arch = attempt.candidate.arch
    tables = []
    for width in FINE_WIDTHS:
        if width < arch.width:
            try:
                tables.append(changed(arch, width=width))
            except LitheError:
                continue  # so narrow that a row has no channel left
    if not tables:
        return None
    *costs, now = prices([*tables, arch])
    priced = [Candidate(table, price) for table, price in zip(tables, costs, strict=True)]
    asked, predicted = budget.max_latency_s, now.predicted
    if asked is None or predicted is None:
        return next((c for c in reversed(priced) if c.arch.width in WIDTHS), priced[-1])
    wrong_by = attempt.measured.p80_s / predicted.seconds
    fitting = [
        candidate
        for candidate in priced
        if candidate.price.predicted is not None
        and candidate.price.predicted.seconds * wrong_by <= asked
    ]
    return fitting[-1] if fitting else None


def nothing_holds(budget: Budget, attempts: Sequence[Attempt]) -> LitheError:
    """The error for a search in which every network was too slow: the closest, with figures."""
    closest = min(attempts, key=lambda attempt: attempt.measured.p80_s)
    predicted = closest.candidate.price.predicted
    said = f" ({format_seconds(predicted.seconds)} predicted)" if predicted else ""
    return LitheError(
        f"no network that was compiled and timed ({len(attempts)} tried) holds "
        f"{format_seconds(budget.max_latency_s or 0)} (--max-latency): the closest, "
        f"{closest.candidate.arch.label}, takes {format_seconds(closest.measured.p50_s)}{said}, "
        f"and in one of five runs more than {format_seconds(closest.measured.p80_s)}; "
        "ask for more time, or run again when the machine is less busy"
    )


def slower_by(then_s: float | None, now_s: float | None) -> float:
    """The share by which the machine is slower than it was: 0.2 for a fifth; 0 where unknown."""
    return now_s / then_s - 1 if then_s and now_s else 0.0
