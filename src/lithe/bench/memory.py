"""How much memory an engine keeps: resident bytes of a process that does nothing else."""

import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lithe.bench.cells import Cell, find_network
from lithe.bench.cores import pinned_to
from lithe.bench.engines import BARE, ENGINES, OURS, OURS_FROM_FILE, Case, installed
from lithe.bench.prepare import Prepared, prepare
from lithe.bench.process import Worker
from lithe.bench.rows import MemoryRow, Status, today
from lithe.cpu import cpu_name
from lithe.errors import LitheError
from lithe.progress import Progress
from lithe.resident import STATUS

RUNS = 100
_MODEL_FILE = "model.safetensors"


def memory_of(cell: Cell, engines: Sequence[str], progress: Progress) -> tuple[MemoryRow, ...]:
    """Resident bytes after load and 100 runs, less those of an interpreter with NumPy.

    One fresh process after the other. This engine reads a model file, so that its process
    need not import torch; where the network is from no table of ours, it compiles the torch
    module and the row says that torch was there. The rivals read their own files; those that
    are part of torch, and ExecuTorch's bindings, import it.

    Raises:
        LitheError: more threads than cores, a network that cannot be built, or a system
            without /proc, which is where resident bytes are read.
    """
    if not STATUS.exists():
        raise LitheError("resident memory is read from /proc/self/status, which this system lacks")
    files = {file for name in engines if installed(name) for file in ENGINES[name].files}
    ours_from_file = OURS in engines and find_network(cell.network).source == "lithe"
    if ours_from_file:
        files.add(_MODEL_FILE)
    progress.say(f"{cell.label}: preparing")
    with tempfile.TemporaryDirectory(prefix="lithe-bench-") as folder:
        prepared = prepare(cell.network, cell.resolution, cell.batch, files, Path(folder))
        bare = _after_runs(cell, BARE, prepared)
        rows = []
        for name in engines:
            progress.say(f"{name}: {RUNS} runs")
            engine = ENGINES[name]
            load = OURS_FROM_FILE if name == OURS and ours_from_file else engine.load
            broken = [prepared.failures[file] for file in engine.files if file in prepared.failures]
            if installed(name) is None:
                reason = f"{engine.package} is not installed; pip install 'lithe[bench]'"
                rows.append(_row(cell, name, "missing", reason))
            elif broken:
                rows.append(_row(cell, name, "failed", broken[0]))
            else:
                rows.append(_measured(cell, name, load, prepared, bare))
        return tuple(rows)


def _after_runs(cell: Cell, load: str, prepared: Prepared) -> dict[str, Any]:
    case = Case(load, str(prepared.folder), cell.network, cell.resolution, cell.threads)
    log = prepared.folder / "memory.log"
    inductor = {"TORCHINDUCTOR_CACHE_DIR": str(prepared.folder / "inductor")}
    with closing(Worker(log, cell.threads, inductor)) as worker:
        worker.ask("load", case=asdict(case), cores=pinned_to(cell.threads))
        return worker.ask("memory", runs=RUNS)


def _measured(
    cell: Cell, name: str, load: str, prepared: Prepared, bare: dict[str, Any]
) -> MemoryRow:
    try:
        used = _after_runs(cell, load, prepared)
    except LitheError as error:
        return _row(cell, name, "failed", str(error))
    return MemoryRow(
        network=cell.network,
        resolution=cell.resolution,
        threads=cell.threads,
        engine=name,
        status="measured",
        version=installed(name) or "",
        runs=RUNS,
        extra_rss_bytes=used["rss_bytes"] - bare["rss_bytes"],
        extra_peak_rss_bytes=used["peak_rss_bytes"] - bare["peak_rss_bytes"],
        bare_rss_bytes=bare["rss_bytes"],
        torch_imported=used["torch_imported"],
        cpu=cpu_name(),
        date=today(),
    )


def _row(cell: Cell, name: str, status: Status, reason: str) -> MemoryRow:
    return MemoryRow(
        network=cell.network,
        resolution=cell.resolution,
        threads=cell.threads,
        engine=name,
        status=status,
        version=installed(name) or "",
        reason=reason,
        cpu=cpu_name(),
        date=today(),
    )
