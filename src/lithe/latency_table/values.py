"""What the table knows, and what is said from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from lithe.arch import Architecture


@dataclass(frozen=True, slots=True)
class Context:
    """Where times hold: on one processor, with one instruction set, threads and generator.

    `code` is a digest of all that decides what a kernel of a given name is compiled to, as
    in the key of the engine's cache.
    """

    cpu: str
    isa: str
    threads: int
    code: str


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step of the engine's plan for a network, before anything of it is compiled.

    `kernel` is the kernel's name, which ends in a digest of all that its code depends on;
    with `units` it is the key of the table. `features` are what a time that was not measured
    is estimated from, in the order of `lithe.latency_table.features.NAMES`.
    """

    kernel: str
    units: int
    features: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class StepTime:
    """Seconds of a step, measured where it works: inside the network `network`.

    The same step takes longer behind some steps than behind others, because of what they
    leave in the caches, so each network's own time is kept.
    """

    step: PlannedStep
    network: str
    seconds: float


@dataclass(frozen=True, slots=True)
class NetworkTimes:
    """A network that was compiled and timed: each step where it works, and whole runs.

    `steps` are those of its program, in order; `whole_s` is the median of whole runs. All
    seconds hold for a machine on which the reference network took `reference_s`, its median
    in the same minute: between two networks a machine may change its clock, and only what is
    set in relation to the reference can be compared. `disturbed` says that other work slowed
    the machine down each time that it was measured. `date` is that of the day (ISO 8601).
    """

    arch: Architecture
    steps: tuple[StepTime, ...]
    whole_s: float
    reference_s: float
    disturbed: bool = False
    date: str = ""


@dataclass(frozen=True, slots=True)
class Predicted:
    """Seconds that one run of a network at batch 1 is expected to take on a machine.

    `looked_up` is the share of the seconds that is the sum of measured steps; the rest was
    estimated from steps like them. `threads` and `machine` are those of the table.
    """

    seconds: float
    looked_up: float
    threads: int
    machine: str


class Predictor(Protocol):
    """Latencies of tables, without compiling anything."""

    def __call__(self, archs: Sequence[Architecture]) -> tuple[Predicted, ...]:
        """One prediction for each, in order."""
        ...
