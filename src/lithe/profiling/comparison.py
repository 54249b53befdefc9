"""A printed number beside the number that we compute, and whether the two are accounted for."""

from dataclasses import dataclass

from lithe.arch.figures import Figure
from lithe.cost import Cost

MILLION = 1e6


@dataclass(frozen=True, slots=True)
class Comparison:
    """One printed figure of one row of a paper's table.

    `computed` is None where nothing is computed here (accuracies, milliseconds, networks
    without a table); `note` then says why or is empty. `true` is the recount to as many
    digits as the note answers for: it keeps a note from excusing a later mistake.
    `step` is the unit of the last printed digit, 0: read it from the number.
    """

    row: str
    quantity: str
    printed: float | str
    computed: float | str | None = None
    true: float | str = 0
    note: str = ""
    step: float = 0.0

    @property
    def difference(self) -> float | None:
        """Computed less printed; None where one of them is no number."""
        if isinstance(self.computed, int | float) and isinstance(self.printed, int | float):
            return self.computed - self.printed
        return None

    @property
    def agrees(self) -> bool:
        """Whether the computed figure is the printed one to its rounding."""
        return self.computed is not None and _same(self.printed, self.computed, self.step)

    @property
    def accounted_for(self) -> bool:
        """Agrees, or has nothing to agree with, or differs as a note says it must."""
        if self.computed is None or self.agrees:
            return True
        return bool(self.note) and bool(self.true) and _same(self.true, self.computed)


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a paper, recounted; `key` is what the command line calls it (`v1:4`)."""

    key: str
    title: str
    comparisons: tuple[Comparison, ...]

    @property
    def unaccounted(self) -> tuple[Comparison, ...]:
        """The comparisons that differ beyond the printed rounding without a reason."""
        return tuple(each for each in self.comparisons if not each.accounted_for)


def compared(row: str, figure: Figure, found: Cost | None) -> tuple[Comparison, ...]:
    """The comparisons of one printed row; `found` is None where nothing is counted here."""
    macs = found.macs / MILLION if found else None
    params = found.params / MILLION if found else None
    result = [
        _million(row, "M MACs", figure.macs_m, macs, figure.macs_m_true, figure.note),
        _million(row, "M params", figure.params_m, params, figure.params_m_true, figure.note),
        Comparison(row, "top-1 %", figure.top1),
    ]
    if figure.ms_pixel_1:
        result.append(Comparison(row, "ms, Pixel 1", figure.ms_pixel_1))
    return tuple(result)


def _million(
    row: str, quantity: str, printed: float, computed: float | None, true: float, note: str
) -> Comparison:
    # The note is about what differs, or about why nothing is computed.
    needed = bool(true) or computed is None
    return Comparison(row, quantity, printed, computed, true, note if needed else "")


def decimals(number: float) -> int:
    """Digits behind the point of a number as it is typed.

    >>> decimals(569), decimals(4.2), decimals(1.32)
    (0, 1, 2)
    """
    return len(repr(number).partition(".")[2])


def _same(printed: float | str, computed: float | str, step: float = 0.0) -> bool:
    if isinstance(printed, str) or isinstance(computed, str):
        return printed == computed
    # A hair more than half a unit: 2.5 is printed as 2 by some and as 3 by others.
    half = (step or 10.0 ** -decimals(printed)) / 2 * (1 + 1e-9)
    return abs(computed - printed) <= half
