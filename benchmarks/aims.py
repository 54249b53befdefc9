"""Figures that were promised, beside those that were measured."""

from collections.abc import Sequence
from dataclasses import dataclass

from lithe.units import format_bytes, format_seconds


@dataclass(frozen=True, slots=True)
class Aim:
    """A figure that was promised: in words, the least or most that it may be, what it is."""

    what: str
    at_least: float | None
    at_most: float | None
    measured: float | None
    unit: str = ""  # "x", "%", "B" or "s"

    @property
    def held(self) -> bool:
        """Whether it was measured and is within its bound."""
        if self.measured is None:
            return False
        low = self.at_least is None or self.measured >= self.at_least
        return low and (self.at_most is None or self.measured <= self.at_most)


def aims_table(figures: Sequence[Aim]) -> str:
    """One line each: the bound, the figure, and whether it holds."""
    lines = ["| figure | aim | measured | |", "| --- | --- | --- | --- |"]
    for aim in figures:
        bound = aim.at_least if aim.at_least is not None else aim.at_most
        sign = ">=" if aim.at_least is not None else "<="
        held = "" if aim.measured is None else "held" if aim.held else "**not held**"
        measured = "not measured" if aim.measured is None else _figure(aim.measured, aim.unit)
        lines.append(
            f"| {aim.what} | {sign} {_figure(bound or 0, aim.unit)} | {measured} | {held} |"
        )
    return "\n".join(lines)


def _figure(value: float, unit: str) -> str:
    if unit == "%":
        return f"{value:.0%}"
    if unit == "B":
        return format_bytes(value)
    return format_seconds(value) if unit == "s" else f"{value:.2f}"
