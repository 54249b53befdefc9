"""Progress with time left: a bar on a terminal, calm lines elsewhere, silence on request.

All of it goes to stderr, so that stdout holds results only.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lithe.interrupt import raise_if_interrupted
from lithe.units import format_seconds

LINE_EVERY_S = 10.0  # no oftener than this where there is no terminal
Advance = Callable[..., None]


class Progress:
    """Where a long function says how far it is; `quiet` says nothing at all."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._bars = not quiet and sys.stderr.isatty()

    def say(self, line: str) -> None:
        """One line that stays."""
        if not self._quiet:
            print(line, file=sys.stderr, flush=True)  # noqa: T201

    @contextmanager
    def task(self, name: str, total: float) -> Iterator[Advance]:
        """Work of `total` steps; yields `advance(steps=1, note="")`.

        `note` is a short figure behind the bar, such as `val 97.2 %`. Where Ctrl-C was pressed
        since the last step, `advance` raises KeyboardInterrupt.
        """
        if self._quiet or total <= 0:
            yield _silent
        elif self._bars:
            with _bar(name, total) as advance:
                yield advance
        else:
            yield _lines(name, total, self.say)


def _silent(steps: float = 1, note: str = "") -> None:
    raise_if_interrupted()


@contextmanager
def _bar(name: str, total: float) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(name, total=total, note="")

        def advance(steps: float = 1, note: str = "") -> None:
            raise_if_interrupted()
            bars.advance(task, steps)
            if note:
                bars.update(task, note=note)

        yield advance


def _lines(name: str, total: float, say: Callable[[str], None]) -> Advance:
    started = spoken = time.monotonic()
    done = 0.0

    def advance(steps: float = 1, note: str = "") -> None:
        nonlocal done, spoken
        raise_if_interrupted()
        done += steps
        now = time.monotonic()
        if now - spoken < LINE_EVERY_S or done >= total:
            return
        spoken = now
        left = (now - started) / done * (total - done)
        say(
            f"{name}: {done / total:.0%}, {format_seconds(left)} left"
            + (f", {note}" if note else "")
        )

    return advance


SILENT = Progress(quiet=True)
