"""One unit for a column of figures, so that they can be compared down the column."""

from collections.abc import Iterable
from dataclasses import dataclass

_COUNT = (("", 1.0), ("k", 1e3), ("M", 1e6), ("G", 1e9), ("T", 1e12))
_BYTES = (("B", 1.0), ("kB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12))
_SECONDS = (("us", 1e-6), ("ms", 1e-3), ("s", 1.0))
_MOST = 10_000  # from here on the next unit is taken


@dataclass(frozen=True, slots=True)
class Scale:
    """A unit and how large it is."""

    unit: str
    size: float

    def text(self, value: float | None) -> str:
        """Three significant digits, at most three decimals; a dash for nothing.

        >>> Scale("M", 1e6).text(29_202_432), Scale("k", 1e3).text(864), Scale("k", 1e3).text(0)
        ('29.2', '0.864', '-')
        """
        if not value:
            return "-"
        number = value / self.size
        if number < 0.0005:
            return "~0"
        digits = 0 if number >= 99.95 else 1 if number >= 9.995 else 2 if number >= 0.9995 else 3
        return f"{number:.{digits}f}"


def _scale(values: Iterable[float | None], units: tuple[tuple[str, float], ...]) -> Scale:
    largest = max((value for value in values if value), default=0.0)
    fitting = (unit for unit in units if largest / unit[1] < _MOST)
    return Scale(*next(fitting, units[-1]))


def counts(values: Iterable[float | None]) -> Scale:
    """The unit for counts: none, k, M or G."""
    return _scale(values, _COUNT)


def sizes(values: Iterable[float | None]) -> Scale:
    """The unit for bytes, never below kB."""
    return _scale(values, _BYTES[1:])


def times(values: Iterable[float | None]) -> Scale:
    """The unit for seconds."""
    return _scale(values, _SECONDS)
