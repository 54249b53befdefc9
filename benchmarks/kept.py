"""Rows of a benchmark that takes long: those that are there are not measured again."""

import json
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Any

from benchmarks.conditions import RESULTS, write

from lithe.training.loader import cpus

Row = dict[str, Any]


def kept(name: str) -> list[Row]:
    """The rows that a result file has; none where there is no file."""
    path = RESULTS / f"{name}.json"
    rows: list[Row] = json.loads(path.read_text())["rows"] if path.exists() else []
    return rows


def missing(name: str, cases: Iterable[Row]) -> list[Row]:
    """The cases of which no row is kept; a row is of the case whose items it has."""
    rows = kept(name)
    return [case for case in cases if not any(case.items() <= row.items() for row in rows)]


def fill(
    name: str,
    cases: Iterable[Row],
    measure: Callable[[Row], list[Row]],
    alone: bool = False,
) -> None:
    """Measure what is missing, one process on each core, and keep every result as it comes.

    `measure` is a function of a module and returns the rows of its case, each with the
    case's items. With `alone` one process works at a time: for figures of time.
    """
    todo = missing(name, cases)
    with ProcessPoolExecutor(1 if alone else cpus(), get_context("spawn")) as pool:
        for future in as_completed([pool.submit(measure, case) for case in todo]):
            rows = future.result()
            print(*rows, sep="\n", flush=True)
            write(name, sorted([*kept(name), *rows], key=_order), line_each=True)


def _order(row: Row) -> list[tuple[str, Any]]:
    return [(key, row[key]) for key in ("data", "budget", "seed", "method", "number") if key in row]
