"""How long `lithe.compile` takes: with an empty cache, and in a new process with a filled one."""

import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from statistics import median

from lithe import __version__
from lithe.bench.cells import Cell
from lithe.bench.cores import pinned_to
from lithe.bench.engines import ENGINES, OURS, Case
from lithe.bench.prepare import Prepared, prepare
from lithe.bench.process import Worker
from lithe.bench.rows import CompileRow, today
from lithe.cpu import cpu_name
from lithe.errors import LitheError
from lithe.progress import Progress

REPEATS = 3


def compile_times(cells: Sequence[Cell], progress: Progress) -> tuple[CompileRow, ...]:
    """A row for each cell: medians over three pairs of fresh processes.

    The clock runs from the call of `lithe.compile` to its return; importing torch and building
    the module come before. The cache lies in a folder of its own, so the user's stays as it is.

    Raises:
        LitheError: more threads than cores, or a network that cannot be built.
    """
    rows = []
    for cell in cells:
        progress.say(f"{cell.label}: compiling {REPEATS} times")
        with tempfile.TemporaryDirectory(prefix="lithe-bench-") as folder:
            prepared = prepare(cell.network, cell.resolution, cell.batch, (), Path(folder))
            rows.append(_row(cell, prepared))
    return tuple(rows)


def _row(cell: Cell, prepared: Prepared) -> CompileRow:
    cold, cached = [], []
    cold_s = cached_s = 0.0
    reason = ""
    try:
        for repeat in range(REPEATS):
            cache = prepared.folder / f"cache_{repeat}"
            cold.append(_compile_s(cell, prepared, cache))
            cached.append(_compile_s(cell, prepared, cache))
        cold_s, cached_s = median(cold), median(cached)
    except LitheError as error:
        reason = str(error)
    return CompileRow(
        network=cell.network,
        resolution=cell.resolution,
        threads=cell.threads,
        status="failed" if reason else "measured",
        version=__version__,
        reason=reason,
        runs=len(cached),
        cold_s=cold_s,
        cached_s=cached_s,
        cpu=cpu_name(),
        date=today(),
    )


def _compile_s(cell: Cell, prepared: Prepared, cache: Path) -> float:
    case = Case(
        ENGINES[OURS].load, str(prepared.folder), cell.network, cell.resolution, cell.threads
    )
    log = prepared.folder / "compile.log"
    with closing(Worker(log, cell.threads, {"XDG_CACHE_HOME": str(cache)})) as worker:
        answer = worker.ask("load", case=asdict(case), cores=pinned_to(cell.threads))
        compile_s: float = answer["facts"]["compile_s"]
        return compile_s
