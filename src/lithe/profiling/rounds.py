"""Runs of a network as a whole and step by step, in several runtimes, in turns.

A turn measures one runtime: first some runs that do not count, which fetch weights back into
the caches that the others used and wake its threads; then a few runs as a whole and a few step
by step, again and again, so that both meet the machine in the same state. A slow moment of the
machine strikes all runtimes alike.

Runs in which the system took a processor away for other work do not count where there are
enough others: such a run is long as a whole, but most of its steps are not, so that the steps'
medians would not add up to the whole's.
"""

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from lithe.profiling.latency import latency_from, percentiles
from lithe.profiling.values import RunLatency, StepLatency
from lithe.progress import Advance
from lithe.runtimes import RuntimeName

try:
    import resource
except ImportError:  # not everywhere
    resource = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure.

    A turn is runs for `turn_s`, and at least `fewest` of each kind, after `warm_up_s` that do
    not count and at least `warm_up` runs of each kind. A kind is run for `burst_s` without a
    break, since between the two the threads fall asleep. No round begins once `longest_s` have
    passed, but more than `rounds` until then where fewer than `calm` runs of each kind were
    left alone.
    """

    rounds: int = 12
    turn_s: float = 0.12
    fewest: int = 3
    burst_s: float = 0.01
    warm_up_s: float = 0.03
    warm_up: int = 2
    longest_s: float = 8.0
    calm: int = 15


USUAL = Effort()


@dataclass(frozen=True, slots=True)
class StepWork:
    """What a step of a run does, before it is timed; the fields are those of `StepLatency`."""

    label: str
    kernel: str
    layers: tuple[int, ...]
    macs: int
    moved_bytes: int


@dataclass(frozen=True, slots=True)
class Way:
    """A network ready to run in one runtime.

    `whole` runs it. `timed` runs it and says how many seconds each of `steps` took; None
    where it cannot be taken apart, and there are no steps then.
    """

    runtime: RuntimeName
    threads: int
    whole: Callable[[], object]
    timed: Callable[[], Sequence[float]] | None = None
    steps: tuple[StepWork, ...] = ()


_Outcome = TypeVar("_Outcome")


@dataclass(frozen=True, slots=True)
class _Run(Generic[_Outcome]):
    seconds: float
    calm: bool  # nothing else took a processor away
    outcome: _Outcome


@dataclass(slots=True)
class _Runs:
    whole: list[_Run[object]]
    steps: list[_Run[Sequence[float]]]
    warm_up: int = 0

    def calm(self) -> int:
        """Runs of each kind that were left alone."""
        whole = sum(run.calm for run in self.whole)
        return min(whole, sum(run.calm for run in self.steps)) if self.steps else whole


def take_turns(
    ways: Sequence[Way], advance: Advance, effort: Effort = USUAL
) -> tuple[RunLatency, ...]:
    """Measure a network in every runtime; `advance` is called once a round.

    A network that takes a second is run some ten times in all; `Latency.runs` says how often.
    """
    found = [_Runs([], []) for _ in ways]
    end = time.perf_counter() + effort.longest_s
    rounds = 0
    with _without_collection():
        while rounds == 0 or (
            time.perf_counter() < end
            and (rounds < effort.rounds or min(each.calm() for each in found) < effort.calm)
        ):
            for way, runs in zip(ways, found, strict=True):
                _turn(way, runs, effort)
            rounds += 1
            if rounds <= effort.rounds:
                advance()
    for _ in range(rounds, effort.rounds):
        advance()
    return tuple(_latency(way, runs, effort) for way, runs in zip(ways, found, strict=True))


def _turn(way: Way, found: _Runs, effort: Effort) -> None:
    spent, runs = 0.0, 0
    while spent < effort.warm_up_s or (runs < effort.warm_up and spent < effort.turn_s):
        spent += _timed(way.whole).seconds
        spent += _timed(way.timed).seconds if way.timed else 0.0
        runs += 1
    found.warm_up += runs
    spent, runs = 0.0, 0
    while (
        not runs or spent < effort.turn_s or (runs < effort.fewest and spent < effort.longest_s / 4)
    ):
        whole = _burst(way.whole, effort.burst_s)
        steps = _burst(way.timed, effort.burst_s) if way.timed else []
        found.whole += whole
        found.steps += steps
        spent += sum(run.seconds for run in whole) + sum(run.seconds for run in steps)
        runs += len(whole)


def _burst(call: Callable[[], _Outcome], burst_s: float) -> list[_Run[_Outcome]]:
    """Runs one after the other, each with its seconds."""
    until = time.perf_counter() + burst_s
    found: list[_Run[_Outcome]] = []
    while not found or time.perf_counter() < until:
        found.append(_timed(call))
    return found


def _timed(call: Callable[[], _Outcome]) -> _Run[_Outcome]:
    before = _interruptions()
    started = time.perf_counter()
    outcome = call()
    seconds = time.perf_counter() - started
    return _Run(seconds, _interruptions() == before, outcome)


def _interruptions() -> int:
    """How often the system took a processor away from this process so far, where it says so."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw if resource else 0


def _latency(way: Way, found: _Runs, effort: Effort) -> RunLatency:
    enough = found.calm() >= max(effort.calm, 1)
    whole = [run.seconds for run in found.whole if run.calm or not enough]
    columns = zip(*(run.outcome for run in found.steps if run.calm or not enough), strict=True)
    return RunLatency(
        latency_from(whole, way.threads, way.runtime),
        found.warm_up,
        tuple(
            StepLatency(
                step.label,
                step.kernel,
                step.layers,
                step.macs,
                step.moved_bytes,
                *percentiles(seconds),
            )
            for step, seconds in zip(way.steps, columns, strict=True)
        ),
    )


@contextmanager
def _without_collection() -> Iterator[None]:
    """No garbage is collected in the middle of a run."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
