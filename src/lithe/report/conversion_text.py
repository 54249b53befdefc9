"""The end of a conversion on a terminal, and its sentences on the page."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from lithe.report.conversion_rows import ConversionRows, step_words
from lithe.report.terminal import Column, facts, head, plain, spaced, table, tail
from lithe.report.words import limit_name, percent, quantity, threads_text, verdict

_LAYER, _BECAME = 26, 28  # letters; figures need the rest of 80


def conversion_text(rows: ConversionRows, files: Sequence[tuple[str, str]] = ()) -> RenderableType:
    """Accuracy step by step, what was gained, what became of each layer; fits in 80 columns."""
    parts: list[RenderableType] = [Text(gain(rows), style="bold"), _steps(rows)]
    if rows.limits:
        parts.append(_limits(rows))
    parts.append(_layers(rows))
    lines = [*slower(rows), *rows.notes]
    if lines:
        parts.append(plain("\n".join(lines)))
    if files:
        parts.append(facts(files))
    return spaced(*parts)


def gain(rows: ConversionRows) -> str:
    """The conversion in one sentence."""
    layers = len(rows.replaced)
    times = rows.before_s / rows.after_s
    fewer = rows.before_macs / rows.after_macs
    macs = f"{fewer:.1f}x fewer MACs" if fewer > 1 else f"{1 / fewer:.1f}x as many MACs"
    how = f"{times:.1f}x less time" if rows.faster else "no less time"
    return (
        f"{layers} layer{'s' * (layers != 1)} replaced: "
        f"{macs}, {how}, "
        f"{percent(rows.steps[0][1])} -> {percent(rows.steps[-1][1])} right"
    )


def how_timed(rows: ConversionRows) -> str:
    """Where the times of single layers come from."""
    engine, eager = map(threads_text, rows.layer_threads)
    return (
        f"Times are those of the layer by itself, in lithe's engine on {engine} and in eager "
        f"PyTorch on {eager}; one for which no replacement was tried was not timed."
    )


def slower(rows: ConversionRows) -> list[str]:
    """What to say where nothing became faster: what would have."""
    if rows.faster:
        return []
    said = (
        f"On this machine the converted network is not faster: {quantity(rows.before_s, 'seconds')}"
        f" before, {quantity(rows.after_s, 'seconds')} after."
    )
    would = [
        f"--to {kind} would save about {quantity(saved, 'seconds')}"
        for kind, saved in rows.what_would
        if saved > 0
    ]
    rest = "; ".join(would) if would else "None of the replacements that were timed would be"
    return [said, rest + "."]


def _steps(rows: ConversionRows) -> Table:
    lines = [(name, percent(accuracy)) for name, accuracy in step_words(rows.steps)]
    return table([Column("Network"), Column("Right", figures=True)], lines)


def _limits(rows: ConversionRows) -> Table:
    columns = [Column("Limit"), Column("Asked", True), Column("Measured", True), Column("")]
    lines = [
        (
            limit_name(limit.name),
            quantity(limit.asked, limit.unit),
            "-" if limit.measured is None else quantity(limit.measured, limit.unit),
            Text(verdict(limit), style="" if limit.holds else "bold"),
        )
        for limit in rows.limits
    ]
    return table(columns, lines)


def _layers(rows: ConversionRows) -> Table:
    columns = [
        Column("Layer"),
        Column("became"),
        Column("alone", figures=True),
        Column("now", figures=True),
        Column("error", figures=True),
    ]
    lines = [
        (
            tail(row.layer, _LAYER),
            head(row.became or row.reason, _BECAME),
            "-" if row.seconds is None else quantity(row.seconds, "seconds"),
            "-" if row.seconds_after is None else quantity(row.seconds_after, "seconds"),
            "-" if row.normed is None else f"{row.normed:.2f}",
        )
        for row in rows.layers
    ]
    return table(columns, lines, 1)
