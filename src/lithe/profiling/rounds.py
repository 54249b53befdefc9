"""Runs of a network as a whole and step by step, in several runtimes, in turns.

A turn measures one runtime: first some runs that do not count, which fetch weights back into
the caches that the others used and wake its threads; then a few runs as a whole and a few step
by step, again and again, so that both meet the machine in the same state. A slow moment of the
machine strikes all runtimes alike.
"""

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from lithe.profiling.latency import latency_from, percentiles
from lithe.profiling.values import RunLatency, StepLatency
from lithe.progress import Advance
from lithe.runtimes import RuntimeName

ROUNDS = 12
TURN_S = 0.12  # of runs that count, in one turn of one runtime
FEWEST = 3  # of each kind in a turn
BURST_S = 0.01  # of one kind without a break: between the kinds the threads fall asleep
WARM_UP_S, WARM_UP = 0.03, 2  # before them, the longer of the two
LONGEST_S = 8.0  # no further round begins after so long


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


@dataclass(slots=True)
class _Seconds:
    whole: list[float]
    steps: list[Sequence[float]]
    warm_up: int = 0


def take_turns(ways: Sequence[Way], advance: Advance) -> tuple[RunLatency, ...]:
    """Measure a network in every runtime; `advance` is called once a round, `ROUNDS` times.

    No round begins once 8 seconds have passed, so a network that takes a second is run some
    ten times in all, and the seconds of `Latency.runs` say how often it was.
    """
    found = [_Seconds([], []) for _ in ways]
    started = time.perf_counter()
    with _without_collection():
        for number in range(ROUNDS):
            if number == 0 or time.perf_counter() - started < LONGEST_S:
                for way, seconds in zip(ways, found, strict=True):
                    _turn(way, seconds)
            advance()
    return tuple(_latency(way, seconds) for way, seconds in zip(ways, found, strict=True))


def _turn(way: Way, found: _Seconds) -> None:
    spent, runs = 0.0, 0
    while spent < WARM_UP_S or (runs < WARM_UP and spent < TURN_S):
        spent += _timed(way.whole)[0]
        spent += _timed(way.timed)[0] if way.timed else 0.0
        runs += 1
    found.warm_up += runs
    spent, runs = 0.0, 0
    while spent < TURN_S or (runs < FEWEST and spent < LONGEST_S / 4):
        whole = _burst(way.whole)
        found.whole += [seconds for seconds, _ in whole]
        steps = _burst(way.timed) if way.timed else []
        found.steps += [seconds for _, seconds in steps]
        spent += sum(seconds for seconds, _ in (*whole, *steps))
        runs += len(whole)


_Kind = TypeVar("_Kind")


def _burst(run: Callable[[], _Kind]) -> list[tuple[float, _Kind]]:
    """Runs one after the other, each with its seconds."""
    found = [_timed(run)]
    while sum(seconds for seconds, _ in found) < BURST_S:
        found.append(_timed(run))
    return found


def _timed(run: Callable[[], _Kind]) -> tuple[float, _Kind]:
    started = time.perf_counter()
    outcome = run()
    return time.perf_counter() - started, outcome


def _latency(way: Way, found: _Seconds) -> RunLatency:
    columns = zip(*found.steps, strict=True)
    return RunLatency(
        latency_from(found.whole, way.threads, way.runtime),
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
