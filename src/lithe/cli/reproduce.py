"""`lithe reproduce`: the papers' tables recounted beside the printed figures."""

import json
from typing import Any

import click
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from lithe.profiling.comparison import Comparison, Table, decimals
from lithe.profiling.reproduce import TABLES, reproduce

NOT_HERE = "not reproduced"


@click.command("reproduce")
@click.option(
    "--table",
    "keys",
    multiple=True,
    metavar="KEY",
    help=f"One table; may be repeated. One of {', '.join(TABLES)}.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON.")
def command(keys: tuple[str, ...], as_json: bool) -> int:
    """Recount the papers' tables beside the printed figures.

    Every difference beyond the printed rounding carries a note; one without a note makes
    the exit code 1. Accuracies and times are shown as printed: reproducing them takes
    ImageNet, or the phone.
    """
    tables = reproduce(keys)
    if as_json:
        click.echo(json.dumps([_as_json(table) for table in tables], indent=2))
    else:
        _print(tables)
    return 1 if any(table.unaccounted for table in tables) else 0


def _as_json(table: Table) -> dict[str, Any]:
    rows = [
        {
            "row": each.row,
            "quantity": each.quantity,
            "printed": each.printed,
            "computed": each.computed,
            "difference": each.difference,
            "agrees": each.agrees if each.computed is not None else None,
            "accounted_for": each.accounted_for,
            "note": each.note,
        }
        for each in table.comparisons
    ]
    return {"table": table.key, "title": table.title, "rows": rows}


def _print(tables: tuple[Table, ...]) -> None:
    console = Console(highlight=False)
    for table in tables:
        notes = list(dict.fromkeys(each.note for each in table.comparisons if each.note))
        console.print(Text.assemble((table.title, "bold"), f"  ({table.key})"))
        is_text = isinstance(table.comparisons[0].printed, str)
        console.print(_lines(table, notes) if is_text else _numbers(table, notes))
        for note in notes:
            line = RichTable.grid(padding=(0, 1))
            line.add_row(Text(f"  {_mark(note, notes)}"), Text(note))
            console.print(line)
        console.print()
    console.print(_summary(tables))


def _lines(table: Table, notes: list[str]) -> RichTable:
    """Rows of text; one that differs has ours below it."""
    grid = RichTable(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("", "printed", "computed", ""):
        grid.add_column(column, no_wrap=True)
    for each in table.comparisons:
        prefix = "" if each.quantity == "line" else f"{each.quantity}: "
        verdict = NOT_HERE if each.computed is None else "same" if each.agrees else "below"
        mark = _marks(each, notes)
        grid.add_row(each.row, Text(f"{prefix}{each.printed}"), verdict, mark)
        if verdict == "below":
            grid.add_row("", Text(f"{prefix}{each.computed}", style="bold"))
    return grid


def _numbers(table: Table, notes: list[str]) -> RichTable:
    grid = RichTable(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    grid.add_column("", no_wrap=True)
    grid.add_column("", no_wrap=True)
    for column in ("printed", "computed", "difference"):
        grid.add_column(column, justify="right", no_wrap=True)
    grid.add_column("", no_wrap=True)
    previous = ""
    for each in table.comparisons:
        row = each.row if each.row != previous else ""
        grid.add_row(row, each.quantity, *_cells(each), _marks(each, notes))
        previous = each.row
    return grid


def _cells(each: Comparison) -> tuple[str, str, str]:
    printed, computed, difference = each.printed, each.computed, each.difference
    if isinstance(printed, str) or isinstance(computed, str) or computed is None:
        return str(printed), NOT_HERE, ""
    # One digit more than the paper, except where both are whole.
    digits = 0 if isinstance(computed, int) else decimals(printed) + 1
    rounded = round(difference or 0.0, digits) + 0.0  # no minus in front of a zero
    return str(printed), f"{computed:.{digits}f}", f"{rounded:+.{digits}f}"


def _marks(each: Comparison, notes: list[str]) -> Text:
    mark = _mark(each.note, notes) if each.note else ""
    return Text(mark if each.accounted_for else f"{mark} no reason".strip(), style="bold")


def _mark(note: str, notes: list[str]) -> str:
    return f"[{notes.index(note) + 1}]"


def _summary(tables: tuple[Table, ...]) -> str:
    figures = [each for table in tables for each in table.comparisons]
    carried = sum(each.computed is None for each in figures)
    agree = sum(each.agrees for each in figures)
    wrong = sum(len(table.unaccounted) for table in tables)
    return (
        f"{len(figures) - carried} figures recounted: {agree} agree to the printed rounding, "
        f"{len(figures) - carried - agree - wrong} differ for the reason noted, {wrong} without "
        f"a reason. {carried} figures (accuracies, times, networks without a table) are shown "
        "as printed and not reproduced here."
    )
