"""Energy of one run: read from meters where the machine has them, else estimated by a table."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lithe.cost import LayerCost
from lithe.cost.energy import HOROWITZ_2014, EnergyTable, energy_parts
from lithe.profiling.meters import Meter
from lithe.profiling.values import Energy
from lithe.runtimes import RuntimeName

MEASURED_S = 1.0  # a thousand of the steps in which RAPL counts


def estimated_energy(layers: Sequence[LayerCost], table: EnergyTable = HOROWITZ_2014) -> Energy:
    """The estimate for a network run layer by layer.

    `lithe.cost.energy` says what it leaves out.
    """
    parts = energy_parts(layers, table)
    return Energy(sum(joules for _, joules in parts), table.name, estimate=True, parts=parts)


@dataclass(frozen=True, slots=True)
class Reading:
    """What every meter counted over a stretch of time, in joules."""

    joules: tuple[float, ...]
    seconds: float


def measured_energy(
    call: Callable[[], object],
    runtime: RuntimeName,
    meters: Sequence[Meter],
    *,
    seconds: float = MEASURED_S,
    rest: Callable[[float], object] = time.sleep,
) -> Energy:
    """Joules of one run, from runs for at least `seconds` after a rest of the same length.

    A meter counts whatever the processor does, so `joules` is all that it used while the
    network ran. `parts` split that into what the machine uses at rest as well and what comes
    on top, for each meter. Other work on the machine is in both and spoils either. `call`
    has to return when its work is done.

    Raises:
        LitheError: a meter can no longer be read.
    """
    before, began = _read(meters)
    rest(seconds)
    idle = _since(meters, before, began)
    before, began = _read(meters)
    runs = _repeat(call, seconds)
    return energy_of(meters, idle, _since(meters, before, began), runs, runtime)


def energy_of(
    meters: Sequence[Meter], idle: Reading, run: Reading, runs: int, runtime: RuntimeName
) -> Energy:
    """Joules of one of `runs`, from what the meters counted at rest and while they went on."""
    parts: list[tuple[str, float]] = []
    for meter, at_rest, used in zip(meters, idle.joules, run.joules, strict=True):
        base = min(at_rest / idle.seconds * run.seconds, used)
        parts += [
            (f"{meter.name} above rest", (used - base) / runs),
            (f"{meter.name} at rest", base / runs),
        ]
    source = ", ".join(f"{meter.kind} {meter.name}" for meter in meters)
    return Energy(sum(run.joules) / runs, source, False, runtime, tuple(parts))


def _repeat(call: Callable[[], object], seconds: float) -> int:
    """Calls until so many seconds are over, one at least; how many."""
    end, runs = time.perf_counter() + seconds, 0
    while not runs or time.perf_counter() < end:
        call()
        runs += 1
    return runs


def _read(meters: Sequence[Meter]) -> tuple[list[float], float]:
    return [meter.read_j() for meter in meters], time.perf_counter()


def _since(meters: Sequence[Meter], before: Sequence[float], began: float) -> Reading:
    """What was counted since then."""
    after, now = _read(meters)
    pairs = zip(meters, before, after, strict=True)
    return Reading(tuple(meter.used_j(was, is_) for meter, was, is_ in pairs), now - began)
