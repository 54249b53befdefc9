"""What this machine can do, measured in a few seconds, and kept so that it is measured once."""

import datetime
import os
import platform
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from statistics import median

from lithe import __version__
from lithe.cpu import cpu_name
from lithe.device import DTYPES, LEVELS, Bandwidth, Device, Launch, Level, Peak
from lithe.device import Cache as CacheRow
from lithe.device.caches import read_caches
from lithe.device.file import default_path, load_device, save_device
from lithe.engine.bandwidth import bandwidth_loop, touched
from lithe.engine.cache import Cache
from lithe.engine.launch import launch_loop
from lithe.engine.loops import Loop
from lithe.engine.multiply_adds import MultiplyAdd, rows_here
from lithe.engine.peak import peak_loop
from lithe.engine.runtime import pinned, usable_processors
from lithe.engine.target import instruction_set, processor_flags
from lithe.errors import LitheError
from lithe.profiling.working_sets import available_bytes, working_sets
from lithe.progress import SILENT, Progress

ROUNDS = 30
MEASURED = "measured"
_EAGER_CALLS = 1000
_UNDISTURBED = 0.8  # of the best: what the median of a peak reaches on an idle machine


@dataclass(frozen=True, slots=True)
class Reading:
    """One figure: `take` reads it once, more is better; `rates` are what was read so far.

    `of` is what it is a figure of: an instruction, (level, motion) or a runtime.
    """

    of: MultiplyAdd | tuple[Level, str] | str
    threads: int
    take: Callable[[], float]
    buffer_bytes: int = 0
    rates: list[float] = field(default_factory=list)

    @property
    def best(self) -> float:
        """The most: whatever else the machine does only takes from it."""
        return max(self.rates)


def this_device(progress: Progress = SILENT) -> Device:
    """This machine as it was kept when it was measured; it is measured where it was not.

    What is kept counts if it was measured by the same version of lithe, the processor has
    the same name and this process may use as many cores. Where nothing can be kept, it is
    measured every time.

    Raises:
        LitheError: the engine does not run on this machine.
    """
    path = default_path()
    if path is not None:
        with suppress(LitheError):
            kept = load_device(path)
            here = (MEASURED, cpu_name(), usable_processors(), __version__)
            if (kept.kind, kept.name, kept.cores, kept.version) == here:
                return kept
    device = measure_device(progress)
    keep_device(device)
    return device


def keep_device(device: Device) -> str:
    """Keep a device for `this_device`; where it is now, or "" where that is not possible."""
    path = default_path()
    if path is None:
        return ""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        save_device(device, path)
    except (OSError, LitheError):
        return ""
    return str(path)


def measure_device(progress: Progress = SILENT, rounds: int = ROUNDS) -> Device:
    """Measure this machine: multiply-adds, bandwidths, and what a step costs beside its work.

    Everything is measured with one thread and with one for every core that this process may
    use, once in each of the `rounds` with threads pinned, and the best reading is taken.

    Raises:
        LitheError: the engine does not run on this machine.
    """
    if platform.system() != "Linux":
        raise LitheError(
            f"a machine is measured on Linux, not on {platform.system()}; "
            "`lithe device --boards` lists those that are known from data sheets"
        )
    isa, cores = instruction_set(), usable_processors()
    caches = read_caches(os.sched_getaffinity(0))
    counts = sorted({1, cores})
    sizes = {n: working_sets(caches.rows, cores, n, available_bytes()) for n in counts}
    wanted = _wanted(counts, sizes)
    readings: list[Reading] = []
    with progress.task("preparing", len(wanted)) as advance:
        for each in wanted:
            readings += each()
            advance()
    with progress.task("measuring", rounds * len(readings)) as advance, pinned():
        for _ in range(rounds):
            for reading in readings:
                reading.rates.append(reading.take())
                advance()
    return Device(
        name=cpu_name()[:200],
        kind="measured",
        cores=cores,
        isa=isa.name,
        caches=caches.rows,
        peaks=_peaks(readings),
        bandwidths=_bandwidths(readings),
        launches=_launches(readings),
        notes=(*caches.notes, *_notes(readings, caches.rows, cores, sizes)),
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        version=__version__,
    )


def _wanted(
    counts: Sequence[int], sizes: dict[int, dict[Level, int]]
) -> list[Callable[[], list[Reading]]]:
    """What prepares each loop or pair of loops, PyTorch last: its threads must not disturb."""
    cache = Cache()
    wanted: list[Callable[[], list[Reading]]] = []
    for threads in counts:
        wanted += [partial(_peak, row, threads, cache) for row in rows_here()]
        wanted += [
            partial(_motions, level, size, threads, cache) for level, size in sizes[threads].items()
        ]
        wanted.append(partial(_launch, threads, cache))
    return [*wanted, _eager]


def _peak(row: MultiplyAdd, threads: int, cache: Cache) -> list[Reading]:
    return [Reading(row, threads, peak_loop(row, threads, cache).rate)]


def _motions(level: Level, size_bytes: int, threads: int, cache: Cache) -> list[Reading]:
    isa = instruction_set()
    buffer = touched(size_bytes, isa, threads, cache)
    loops: dict[str, Loop] = {
        "read": bandwidth_loop("read", buffer, isa, threads, cache),
        "copy": bandwidth_loop("copy", buffer, isa, threads, cache),
    }
    return [
        Reading((level, motion), threads, loop.rate, buffer.nbytes)
        for motion, loop in loops.items()
    ]


def _launch(threads: int, cache: Cache) -> list[Reading]:
    return [Reading("lithe", threads, launch_loop(instruction_set(), threads, cache).rate)]


def _eager() -> list[Reading]:
    """One operator of PyTorch on one element; nothing where there is no PyTorch."""
    try:
        import torch
    except ImportError:
        return []
    x = torch.zeros(1)

    def take() -> float:
        with torch.inference_mode():
            started = time.perf_counter()
            for _ in range(_EAGER_CALLS):
                torch.relu(x)
            return _EAGER_CALLS / (time.perf_counter() - started)

    return [Reading("eager", 1, take)]


def _peaks(readings: Iterable[Reading]) -> tuple[Peak, ...]:
    """The fastest instruction of each type and number of threads."""
    best: dict[tuple[str, int], Peak] = {}
    for reading in readings:
        if isinstance(reading.of, MultiplyAdd):
            row, key = reading.of, (reading.of.dtype, reading.threads)
            if key not in best or best[key].macs_per_s < reading.best:
                best[key] = Peak(
                    row.dtype, reading.threads, reading.best, row.instruction, MEASURED
                )
    return tuple(sorted(best.values(), key=lambda peak: DTYPES.index(peak.dtype)))


def _bandwidths(readings: Sequence[Reading]) -> tuple[Bandwidth, ...]:
    found = {(*r.of, r.threads): r for r in readings if isinstance(r.of, tuple)}
    return tuple(
        Bandwidth(
            level,
            threads,
            read.best,
            found[level, "copy", threads].best,
            read.buffer_bytes,
            MEASURED,
        )
        for (level, motion, threads), read in sorted(
            found.items(), key=lambda item: LEVELS.index(item[0][0])
        )
        if motion == "read"
    )


def _launches(readings: Iterable[Reading]) -> tuple[Launch, ...]:
    runtimes = {"lithe": "lithe", "eager": "eager"}
    return tuple(
        Launch("eager" if r.of == "eager" else "lithe", r.threads, 1 / r.best, MEASURED)
        for r in readings
        if isinstance(r.of, str) and r.of in runtimes
    )


def _notes(
    readings: Sequence[Reading],
    caches: Sequence[CacheRow],
    cores: int,
    sizes: dict[int, dict[Level, int]],
) -> list[str]:
    """What was not measured, and why."""
    notes = []
    measured = {reading.of.dtype for reading in readings if isinstance(reading.of, MultiplyAdd)}
    without = [dtype for dtype in DTYPES if dtype not in measured]
    if without:
        notes.append(f"no instruction for {', '.join(without)} on this processor")
    for threads, wanted in sizes.items():
        levels = [*(cache.level for cache in caches), "memory"]
        unmeasured = [level for level in levels if level not in wanted]
        if unmeasured:
            notes.append(
                f"{', '.join(unmeasured)} not measured with {threads} threads: no buffer lies "
                "clearly beyond the nearer caches"
            )
    if "amx_tile" in processor_flags():
        notes.append("the processor has matrix tiles (AMX), which are not measured")
    busy = min(median(r.rates) / r.best for r in readings if isinstance(r.of, MultiplyAdd))
    if busy < _UNDISTURBED:
        notes.append(
            f"other work disturbed the measuring: half of the readings of a peak were below "
            f"{100 * busy:.0f} % of the best; measure again on an idle machine"
        )
    present = os.cpu_count() or cores
    if cores < present:
        notes.append(f"this process may use {cores} of {present} cores")
    return notes
