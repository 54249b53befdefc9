"""The end of a run on a terminal."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from lithe.report.rows import RunRows
from lithe.report.terminal import Column, facts, spaced, table
from lithe.report.words import (
    held_out_images,
    limit_name,
    percent,
    prediction,
    quantity,
    savings,
    slow_machine,
    timed_in,
    verdict,
)


def summary(rows: RunRows, files: Sequence[tuple[str, str]] = ()) -> RenderableType:
    """Accuracy, chosen network, limits, what the structure saves, how it was timed; the files.

    `files` are lines of the form (what it is, path). Fits in 80 columns.
    """
    title = Text.assemble(
        (percent(rows.accuracy), "bold"),
        f" of {held_out_images(rows)} right\n",
        (rows.chosen.label, "bold"),
    )
    parts: list[RenderableType] = [title]
    if rows.limits:
        parts.append(_limits(rows))
        notes = [*_too_slow(rows), *filter(None, (prediction(rows), slow_machine(rows)))]
        if notes:
            parts.append(Text("\n".join(notes)))
    parts.append(_twin(rows))
    timed = timed_in(rows.chosen)
    lines = [*([("Timed in", timed)] if timed else []), *files]
    if lines:
        parts.append(facts(lines))
    return spaced(*parts)


def _limits(rows: RunRows) -> Table:
    columns = [
        Column("Limit"),
        Column("Asked", figures=True),
        Column("Predicted", figures=True),
        Column("Measured", figures=True),
        Column(""),
    ]
    lines = [
        (
            limit_name(limit.name),
            quantity(limit.asked, limit.unit),
            "-" if limit.predicted is None else quantity(limit.predicted, limit.unit),
            "-" if limit.measured is None else quantity(limit.measured, limit.unit),
            Text(verdict(limit), style="" if limit.holds else "bold"),
        )
        for limit in rows.limits
    ]
    return table(columns, lines)


def _too_slow(rows: RunRows) -> list[str]:
    late = [row for row in rows.attempts if not row.holds]
    return [
        f"Tried and too slow: {row.label}, {quantity(row.measured_s, 'seconds')} measured"
        + (", after training" if row.accuracy is not None else "")
        for row in late
    ]


def _twin(rows: RunRows) -> Table:
    columns = [
        Column("Against its twin"),
        Column("This network", figures=True),
        Column("Standard", figures=True),
        Column(""),
    ]
    lines = []
    for saving in savings(rows):
        unit, judged = saving.dimension.unit, saving.verdict
        lines.append(
            (
                saving.dimension.name,
                quantity(saving.chosen, unit),
                quantity(saving.twin, unit),
                f"{saving.times}x {judged}" if judged in {"less", "more"} else judged,
            )
        )
    return table(columns, lines)
