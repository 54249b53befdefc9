"""Calm tables for a terminal: a few columns, a rule under their names, no boxes.

Names from outside become `Text`, never markup, so brackets in them stay brackets.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

WIDE = 108  # columns from which a table may show everything it has


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its heading, whether it holds figures, and whether it may be cut short."""

    name: str
    figures: bool = False
    cut: bool = False


def table(
    columns: Sequence[Column], rows: Iterable[Sequence[str | Text]], gap: Literal[1, 2] = 2
) -> Table:
    """Rows of cells under `columns`, `gap` spaces apart; figures stand to the right."""
    # The box itself puts one space between columns.
    padding = (0, gap - 1, 0, 0)
    result = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=padding)
    for column in columns:
        result.add_column(
            Text(column.name),
            justify="right" if column.figures else "left",
            header_style="bold",
            no_wrap=True,
            overflow="ellipsis" if column.cut else "fold",
        )
    for row in rows:
        result.add_row(*(cell if isinstance(cell, Text) else plain(cell) for cell in row))
    return result


def plain(text: str, style: str = "") -> Text:
    """Text as it is, never markup; what would steer a terminal is replaced.

    >>> plain("a[bold]" + chr(27) + "[2J").plain
    'a[bold]?[2J'
    """
    shown = "".join(c if c.isprintable() or c == "\n" else "?" for c in text)
    return Text(shown, style=style, overflow="fold")


def facts(rows: Iterable[tuple[str, ...]]) -> Table:
    """Lines of a name and what is said of it, in columns without headings."""
    result = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for name, *rest in rows:
        result.add_row(plain(name, "bold"), *(plain(cell) for cell in rest))
    return result


def spaced(*parts: RenderableType) -> Group:
    """Parts one below the other with an empty line between them."""
    first, *rest = parts
    return Group(first, *(Padding(part, (1, 0, 0, 0)) for part in rest))


def render(*parts: RenderableType, width: int | None = None, plain: bool = False) -> str:
    """What a terminal would show, as text, lines without trailing spaces.

    Args:
        parts: what to print, in order.
        width: columns; those of the terminal if None, 80 where there is none.
        plain: leave out colours and bold type even on a terminal.
    """
    console = Console(width=width, highlight=False, color_system=None if plain else "auto")
    with console.capture() as captured:
        console.print(*parts, sep="\n")
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"


def columns() -> int:
    """Columns of the terminal that is written to; 80 where there is none."""
    return Console().width


def tail(text: str, length: int) -> str:
    """The end of a long name, which is what tells it from its neighbours.

    >>> tail("features.denseblock4.conv2", 12)
    '…lock4.conv2'
    """
    return text if len(text) <= length else f"…{text[len(text) - length + 1 :]}"


def head(text: str, length: int) -> str:
    """The beginning of a long name, where that is what tells it from others.

    >>> head("Raspberry Pi 5, 4 x Cortex-A76", 15)
    'Raspberry Pi 5…'
    """
    return text if len(text) <= length else f"{text[: length - 1].rstrip(' ,')}…"
