"""Ours against the fastest rival that does the same arithmetic."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import exp, log

from lithe.bench.cells import Cell
from lithe.bench.engines import OURS
from lithe.bench.rows import Row


@dataclass(frozen=True, slots=True)
class Duel:
    """One cell: our row and the fastest rival's."""

    ours: Row
    rival: Row

    @property
    def cell(self) -> Cell:
        """Where it was fought."""
        return self.ours.cell

    @property
    def ratio(self) -> float:
        """The rival's median over ours: above 1 we are faster."""
        return self.rival.p50_s / self.ours.p50_s


def is_fp32(row: Row) -> bool:
    """Whether an engine computed in single precision; one that says nothing did."""
    precision: str = row.facts.get("precision", "f32")
    return precision == "f32"


def duel(rows: Iterable[Row]) -> Duel | None:
    """The duel of one cell's rows; None where we or all fp32 rivals were not measured."""
    measured = [row for row in rows if row.status == "measured" and is_fp32(row)]
    ours = [row for row in measured if row.engine == OURS]
    rivals = [row for row in measured if row.engine != OURS]
    if not ours or not rivals:
        return None
    return Duel(ours[0], min(rivals, key=lambda row: row.p50_s))


def by_cell(rows: Sequence[Row]) -> dict[Cell, tuple[Row, ...]]:
    """Rows of every cell, cells in the order in which they stand."""
    result: dict[Cell, tuple[Row, ...]] = {}
    for cell, group in groupby(rows, key=lambda row: row.cell):
        result[cell] = (*result.get(cell, ()), *group)
    return result


def duels(rows: Sequence[Row]) -> tuple[Duel, ...]:
    """The duels of all cells that have one, the worst for us first."""
    found = (duel(group) for group in by_cell(rows).values())
    return tuple(sorted((each for each in found if each), key=lambda each: each.ratio))


def geometric_mean(values: Sequence[float]) -> float:
    """The mean that gives a half and a double the same weight.

    >>> round(geometric_mean([0.5, 2.0]), 12)
    1.0
    """
    return exp(sum(map(log, values)) / len(values))
