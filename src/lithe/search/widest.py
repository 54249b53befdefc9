"""The widest network of a structure that a budget allows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from lithe.arch import Architecture
from lithe.errors import LitheError
from lithe.search.budget import Budget
from lithe.search.point import Point
from lithe.search.price import Price
from lithe.search.shortlist import Candidate, candidate_of
from lithe.search.space import WIDTHS, table_of

PriceOf = Callable[[Sequence[Architecture]], Sequence[Price]]


def widest(
    point: Point, budget: Budget, price: PriceOf, num_classes: int, in_channels: int
) -> Candidate | None:
    """The candidate of a point with the largest width whose price is within the budget.

    Found by bisection over `FINE_WIDTHS`, with 6 prices: wider costs more. None where even
    the narrowest that can be built breaks the budget.

    Raises:
        LitheError: what `price` raises.
    """
    return widest_of([point], budget, price, num_classes, in_channels)[0]


def widest_of(
    points: Sequence[Point],
    budget: Budget,
    price: PriceOf,
    num_classes: int,
    in_channels: int,
) -> tuple[Candidate | None, ...]:
    """`widest` for each of the points, with one call of `price` a round for all of them.

    Raises:
        LitheError: what `price` raises.
    """
    searches = [_Bisection(point, num_classes, in_channels) for point in points]
    while going := [search for search in searches if search.table is not None]:
        tables = [search.table for search in going if search.table is not None]
        for search, table, cost in zip(going, tables, price(tables), strict=True):
            search.tell(candidate_of(table, cost, budget))
    return tuple(search.best for search in searches)


def _between(widths: Sequence[float]) -> tuple[float, ...]:
    """The widths, and two between each and the next, to three digits."""
    fine = [
        float(f"{low * (high / low) ** (third / 3):.3g}")
        for low, high in pairwise(widths)
        for third in range(3)
    ]
    return (*fine, widths[-1])


# A budget is used better: of one on MACs the widest of `WIDTHS` leaves a seventh in the middle.
FINE_WIDTHS = _between(WIDTHS)


@dataclass(slots=True)
class _Bisection:
    """Which `table` to price next, None at the end: of widths `low` to `high`, the middle one."""

    point: Point
    num_classes: int
    in_channels: int
    low: int = 0
    high: int = len(FINE_WIDTHS) - 1
    best: Candidate | None = None
    table: Architecture | None = None

    def __post_init__(self) -> None:
        self._next()

    @property
    def middle(self) -> int:
        return (self.low + self.high) // 2

    def tell(self, candidate: Candidate) -> None:
        if candidate.breaks:
            self.high = self.middle - 1
        else:
            self.best, self.low = candidate, self.middle + 1
        self._next()

    def _next(self) -> None:
        self.table = None
        while self.table is None and self.low <= self.high:
            width = FINE_WIDTHS[self.middle]
            try:
                self.table = table_of(self.point, width, self.num_classes, self.in_channels)
            except LitheError:
                self.low = self.middle + 1  # a row has no channel left, nor has a narrower one
