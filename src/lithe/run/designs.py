"""The networks that a run chooses from: those of the grid, and the points beyond it."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lithe.arch import Architecture
from lithe.errors import LitheError
from lithe.profiling.latency import Latency
from lithe.search.budget import Budget
from lithe.search.parent import parent_of
from lithe.search.point import Point
from lithe.search.sampler import Parameters
from lithe.search.shortlist import Candidate, candidate_of, impossible, largest_that_fit, racers
from lithe.search.space import WIDTHS, DesignSpace, space, table_of
from lithe.search.trial import Trial
from lithe.search.verify import Prices
from lithe.search.widest import widest, widest_of
from lithe.training.images import ImageData

DRAWN = 512  # points that are looked at where nothing of the grid fits
Given = tuple[tuple[Parameters, Candidate], ...]


@dataclass(frozen=True, slots=True)
class Designs:
    """A design space, the budget, and what networks of the space cost on these images."""

    space: DesignSpace
    budget: Budget
    prices: Prices
    images: ImageData
    seed: int = 0

    def grid(
        self, latency: Callable[[Architecture], Latency] | None, advance: Callable[[], None]
    ) -> tuple[Candidate, ...]:
        """The widest within the budget for each family and resolution of the first version.

        With `latency` times are measured, by bisection; without they are part of the price.
        """
        classes, channels = len(self.images.classes), self.images.channels
        tables = space(self.images.typical_side, classes, channels)
        return largest_that_fit(tables, self.budget, latency, advance, self.prices)

    def candidate_of(self, parameters: Parameters) -> Candidate | None:
        """The widest network of a point within the budget; None where no width is."""
        point = self.space.point_of(parameters)
        classes, channels = len(self.images.classes), self.images.channels
        return widest(point, self.budget, self.prices, classes, channels)

    def parent_of(self, parameters: Parameters, trained: Sequence[Trial]) -> int | None:
        """The number of the trained trial that is most like a point; None: none of its family."""
        return parent_of(self.space, parameters, trained)

    def first(self, grid: tuple[Candidate, ...], most: int) -> Given:
        """What a search begins with: the racers of the grid, with their parameters.

        Where nothing of the grid fits, points of the space that do, from 512 drawn.

        Raises:
            LitheError: nothing that was looked at fits; names the cheapest.
        """
        given = [(self._base(candidate), candidate) for candidate in racers(grid)]
        if given:
            return tuple(given[:most])
        points = self._drawn()
        classes, channels = len(self.images.classes), self.images.channels
        found = zip(
            points, widest_of(points, self.budget, self.prices, classes, channels), strict=True
        )
        given = [(self.space.parameters(p), c) for p, c in found if c is not None]
        if not given:
            raise impossible(self.budget, (*grid, *self._narrowest(points)))
        return tuple(given[:most])

    def _narrowest(self, points: list[Point]) -> list[Candidate]:
        tables = []
        for point in points:
            for width in WIDTHS:
                try:
                    tables.append(
                        table_of(point, width, len(self.images.classes), self.images.channels)
                    )
                except LitheError:
                    continue  # so narrow that a row has no channel left
                break
        priced = zip(tables, self.prices(tables), strict=True)
        return [candidate_of(table, price, self.budget) for table, price in priced]

    def _base(self, candidate: Candidate) -> Parameters:
        arch = candidate.arch
        return self.space.parameters(self.space.base_point(arch.name, arch.resolution))

    def _drawn(self) -> list[Point]:
        draw = random.Random(self.seed)
        return [self.space.random_point(draw) for _ in range(DRAWN)]
