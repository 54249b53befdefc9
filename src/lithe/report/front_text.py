"""A front on a terminal."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from lithe.report.front_page import result
from lithe.report.front_rows import FrontRows
from lithe.report.terminal import Column, facts, plain, spaced, table
from lithe.report.words import percent, quantity, timed_in


def front_text(rows: FrontRows, files: Sequence[tuple[str, str]] = ()) -> RenderableType:
    """Every network with what it gives and takes, then how to take one; the files.

    `files` are lines of the form (what it is, path). Numbers fit in 80 columns; the names
    of the networks stand below them.
    """
    columns = [
        Column(""),
        Column("Accuracy", figures=True),
        Column("Latency", figures=True),
        Column("Predicted", figures=True),
        Column("MACs", figures=True),
        Column("Memory", figures=True),
        Column("Params", figures=True),
        Column(""),
    ]
    lines = []
    for number, row in enumerate(rows.points, 1):
        network = row.network
        lines.append(
            (
                str(number),
                Text(percent(row.accuracy), style="bold"),
                "-" if network.latency_s is None else quantity(network.latency_s, "seconds"),
                "-" if row.predicted_s is None else quantity(row.predicted_s, "seconds"),
                quantity(network.macs, "count"),
                quantity(network.peak_activation_bytes, "bytes"),
                quantity(network.params, "count"),
                "another is better" if row.dominated else "",
            )
        )
    names = [(str(number), row.network.label) for number, row in enumerate(rows.points, 1)]
    timed = next(filter(None, (timed_in(row.network) for row in rows.points)), "")
    ends = [*([("Timed in", timed)] if timed else []), *files]
    parts: list[RenderableType] = [plain(result(rows), "bold"), table(columns, lines), facts(names)]
    parts += [facts([("Take one", rows.points[-1].fit)])]
    if ends:
        parts.append(facts(ends))
    return spaced(*parts)
