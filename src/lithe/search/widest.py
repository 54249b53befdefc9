"""The widest network of a structure that a budget allows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

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

    Found by bisection over `WIDTHS`, with about 5 prices: wider costs more. None where even
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
    searches = [_Bisection(_tables(point, num_classes, in_channels)) for point in points]
    while going := [search for search in searches if not search.done]:
        tables = [search.table for search in going]
        for search, table, cost in zip(going, tables, price(tables), strict=True):
            search.tell(candidate_of(table, cost, budget))
    return tuple(search.best for search in searches)


def _tables(point: Point, num_classes: int, in_channels: int) -> tuple[Architecture, ...]:
    """A point's tables, narrowest first, without those too narrow to be built."""
    tables: list[Architecture] = []
    for width in reversed(WIDTHS):
        try:
            tables.append(table_of(point, width, num_classes, in_channels))
        except LitheError:
            break  # a row has no channel left, nor has it at any smaller width
    return tuple(reversed(tables))


@dataclass(slots=True)
class _Bisection:
    """Which table to price next: of those from `low` to `high`, which may still be the widest."""

    tables: tuple[Architecture, ...]
    low: int = 0
    high: int = 0
    best: Candidate | None = None

    def __post_init__(self) -> None:
        self.high = len(self.tables) - 1

    @property
    def done(self) -> bool:
        return self.low > self.high

    @property
    def table(self) -> Architecture:
        return self.tables[(self.low + self.high) // 2]

    def tell(self, candidate: Candidate) -> None:
        middle = (self.low + self.high) // 2
        if candidate.breaks:
            self.high = middle - 1
        else:
            self.best, self.low = candidate, middle + 1
