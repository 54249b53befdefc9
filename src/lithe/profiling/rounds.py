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


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure.

    A turn is runs for `turn_s`, and at least `fewest` of each kind, after `warm_up_s` that do
    not count and at least `warm_up` runs of each kind. A kind is run for `burst_s` without a
    break, since between the two the threads fall asleep. No round begins once `longest_s` have
    passed.
    """

    rounds: int = 12
    turn_s: float = 0.12
    fewest: int = 3
    burst_s: float = 0.01
    warm_up_s: float = 0.03
    warm_up: int = 2
    longest_s: float = 8.0


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


@dataclass(slots=True)
class _Seconds:
    whole: list[float]
    steps: list[Sequence[float]]
    warm_up: int = 0


def take_turns(
    ways: Sequence[Way], advance: Advance, effort: Effort = USUAL
) -> tuple[RunLatency, ...]:
    """Measure a network in every runtime; `advance` is called once a round.

    A network that takes a second is run some ten times in all; `Latency.runs` says how often.
    """
    found = [_Seconds([], []) for _ in ways]
    started = time.perf_counter()
    with _without_collection():
        for number in range(effort.rounds):
            if number == 0 or time.perf_counter() - started < effort.longest_s:
                for way, seconds in zip(ways, found, strict=True):
                    _turn(way, seconds, effort)
            advance()
    return tuple(_latency(way, seconds) for way, seconds in zip(ways, found, strict=True))


def _turn(way: Way, found: _Seconds, effort: Effort) -> None:
    spent, runs = 0.0, 0
    while spent < effort.warm_up_s or (runs < effort.warm_up and spent < effort.turn_s):
        spent += _timed(way.whole)[0]
        spent += _timed(way.timed)[0] if way.timed else 0.0
        runs += 1
    found.warm_up += runs
    spent, runs = 0.0, 0
    while spent < effort.turn_s or (runs < effort.fewest and spent < effort.longest_s / 4):
        whole = _burst(way.whole, effort.burst_s)
        found.whole += [seconds for seconds, _ in whole]
        steps = _burst(way.timed, effort.burst_s) if way.timed else []
        found.steps += [seconds for _, seconds in steps]
        spent += sum(seconds for seconds, _ in (*whole, *steps))
        runs += len(whole)


_Kind = TypeVar("_Kind")


def _burst(run: Callable[[], _Kind], burst_s: float) -> list[tuple[float, _Kind]]:
    """Runs one after the other, each with its seconds."""
    until = time.perf_counter() + burst_s
    found: list[tuple[float, _Kind]] = []
    while not found or time.perf_counter() < until:
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
