"""Cells in, rows out: prepare, load, verify, time."""

import itertools
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec

from lithe.bench.cells import Cell
from lithe.bench.cores import pinned_to
from lithe.bench.engines import ENGINES, PEAK, Case, installed
from lithe.bench.prepare import Prepared, prepare
from lithe.bench.process import Worker
from lithe.bench.rounds import Effort, Timing, interleave
from lithe.bench.rows import Row, Status, percentile, today
from lithe.bench.verify import Errors, errors_of
from lithe.cpu import cpu_name
from lithe.errors import LitheError
from lithe.progress import Progress

_CEILING = "fma peak"  # the loop's name among the workers; no engine has it


@dataclass(frozen=True, slots=True)
class Ready:
    """An engine that is loaded and, where there are logits to show, has shown the right ones."""

    worker: Worker
    facts: dict[str, Any]
    errors: Errors | None


def measure(
    cells: Sequence[Cell], engines: Sequence[str], effort: Effort, progress: Progress
) -> Iterator[tuple[Row, ...]]:
    """The rows of one cell after the other, in each a row for every engine, in their order.

    Raises:
        LitheError: more threads than cores, or a network that cannot be built.
    """
    for cell in cells:
        pinned_to(cell.threads)  # refused before the first hour, not after it
    files = {file for name in engines if installed(name) for file in ENGINES[name].files}
    for (network, resolution, batch), group in itertools.groupby(
        cells, key=lambda cell: (cell.network, cell.resolution, cell.batch)
    ):
        with tempfile.TemporaryDirectory(prefix="lithe-bench-") as folder:
            progress.say(f"{network}, {resolution} pixels, batch {batch}: preparing")
            prepared = prepare(network, resolution, batch, files, Path(folder))
            for cell in group:
                yield measure_cell(cell, engines, prepared, effort, progress)


def measure_cell(
    cell: Cell, engines: Sequence[str], prepared: Prepared, effort: Effort, progress: Progress
) -> tuple[Row, ...]:
    """The rows of one cell whose folder is prepared.

    Raises:
        LitheError: more threads than cores, or the FMA loop could not be run.
    """
    progress.say(f"{cell.label}: loading")
    rows = {name: row for name in engines if (row := _absent(cell, name, prepared))}
    present = [name for name in engines if name not in rows]
    together = [name for name in present if not ENGINES[name].alone]
    alone = [name for name in present if ENGINES[name].alone]
    with ExitStack() as stack:
        ready: dict[str, Ready] = {}
        for group in ([_CEILING, *together], *([name] for name in alone)):
            workers = {name: _started(cell, name, prepared, stack) for name in group}
            for name, worker in workers.items():
                try:
                    ready[name] = _verified(name, worker, prepared)
                except LitheError as error:
                    worker.close()
                    rows[name] = _row(cell, name, "failed", str(error))
        if _CEILING in rows:
            raise LitheError(f"the FMA peak cannot be measured: {rows[_CEILING].reason}")
        with progress.task(cell.label, effort.rounds) as advance:
            running = {name: each.worker for name, each in ready.items()}
            timings = interleave(running, effort, advance)
    peak = _peak(ready, timings)
    for name in present:
        if name in ready:
            rows[name] = _measured(cell, name, prepared.macs, ready[name], timings[name], peak)
    return tuple(rows[name] for name in engines)


def _absent(cell: Cell, name: str, prepared: Prepared) -> Row | None:
    """The row of an engine that need not be started."""
    engine = ENGINES[name]
    if installed(name) is None:
        remedy = f"{engine.package} is not installed; pip install 'lithe[bench]'"
        return _row(cell, name, "missing", remedy)
    for file in engine.files:
        if file in prepared.failures:
            return _row(cell, name, "failed", prepared.failures[file])
    return None


def _started(cell: Cell, name: str, prepared: Prepared, stack: ExitStack) -> Worker:
    """A worker that has been told to load; its log and compiler cache lie in the cell's folder."""
    log = prepared.folder / f"{name}_{cell.threads}.log"
    worker = Worker(
        log, cell.threads, {"TORCHINDUCTOR_CACHE_DIR": str(prepared.folder / "inductor")}
    )
    stack.callback(worker.close)
    load = PEAK if name == _CEILING else ENGINES[name].load
    case = Case(load, str(prepared.folder), cell.network, cell.resolution, cell.threads)
    worker.tell("load", case=asdict(case), cores=pinned_to(cell.threads))
    return worker


def _verified(name: str, worker: Worker, prepared: Prepared) -> Ready:
    """Wait until it is loaded, hold its logits against float64, and let it rest."""
    facts = worker.answer()["facts"]
    errors = None
    if name != _CEILING:
        logits = prepared.folder / f"logits_{name}.npy"
        worker.ask("logits", path=str(logits))
        errors = errors_of(logits, prepared.folder / "expected.npy", ENGINES[name].tolerance)
    worker.pause()
    return Ready(worker, facts, errors)


def _peak(ready: Mapping[str, Ready], timings: Mapping[str, Timing]) -> float:
    """Multiply-accumulates a second, by the median of the loop's runs."""
    timing = timings[_CEILING]
    if timing.failure:
        raise LitheError(f"the FMA peak cannot be measured: {timing.failure}")
    macs: int = ready[_CEILING].facts["macs"]
    return macs / percentile(sorted(timing.seconds), 0.5)


def _row(cell: Cell, name: str, status: Status, reason: str = "") -> Row:
    return Row(
        **asdict(cell),
        engine=name,
        status=status,
        version=(installed(name) or "") if name in ENGINES else "",
        reason=reason,
        cores=pinned_to(cell.threads),
        cpu=cpu_name(),
        date=today(),
    )


def _measured(cell: Cell, name: str, macs: int, ready: Ready, timing: Timing, peak: float) -> Row:
    if timing.failure or ready.errors is None:
        return _row(cell, name, "failed", timing.failure)
    ordered = sorted(timing.seconds)
    p20_s, p50_s, p80_s = (percentile(ordered, share) for share in (0.2, 0.5, 0.8))
    return msgspec.structs.replace(
        _row(cell, name, "measured"),
        macs=macs,
        p20_s=p20_s,
        p50_s=p50_s,
        p80_s=p80_s,
        runs=len(ordered),
        rounds=timing.rounds,
        peak_macs_per_s=peak,
        gmacs_per_s=macs / p50_s / 1e9,
        share_of_peak=macs / p50_s / peak,
        max_abs_error=ready.errors.max_abs,
        max_rel_error=ready.errors.max_rel,
        facts=ready.facts,
    )
