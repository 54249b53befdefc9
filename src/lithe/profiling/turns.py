"""Latencies of several networks whose ratios hold on a machine that does not hold still."""

import time
from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

from lithe.profiling.latency import latency_from
from lithe.profiling.rounds import Way
from lithe.profiling.values import RunLatency
from lithe.progress import Advance
from lithe.runtimes import Ready

if TYPE_CHECKING:
    from torch import Tensor

ROUNDS = 16
FEWEST_ROUNDS = 4
TURN_S = 0.06  # of runs that count, in one turn of one network
FEWEST, MOST = 2, 200  # of them
WARM_UP = 2  # before them: weights come back into the caches, threads wake


def way_of(ready: Ready, x: "Tensor") -> Way:
    """Whole runs of a network that is ready, on one input."""
    return Way(ready.runtime, ready.threads, lambda: ready.call(x))


def in_turns(ways: Sequence[Way], advance: Advance, longest_s: float) -> tuple[RunLatency, ...]:
    """Time whole runs, a turn of each network in every round; `advance` after every round.

    The clock of a shared machine changes by tens of per cent within seconds. A slow moment
    strikes all networks of a round alike, so it leaves their ratios as they are, provided
    that every round counts as much for one as for the other: a network is run equally often
    in all its turns. What the one before leaves in the caches must not count: a network of
    10 ms behind one of 150 ms was 17 % slower than alone, and after a run as quick as alone.

    No round begins after `longest_s`, but there are four.
    """
    runs = [_runs_of_a_turn(way) for way in ways]
    seconds: list[list[float]] = [[] for _ in ways]
    started, rounds = time.perf_counter(), 0
    while rounds < FEWEST_ROUNDS or (rounds < ROUNDS and time.perf_counter() - started < longest_s):
        for way, count, times in zip(ways, runs, seconds, strict=True):
            for _ in range(WARM_UP):
                way.whole()
            times += [_timed(way) for _ in range(count)]
        rounds += 1
        advance()
    return tuple(
        RunLatency(latency_from(times, way.threads, way.runtime), rounds * WARM_UP, ())
        for way, times in zip(ways, seconds, strict=True)
    )


def _runs_of_a_turn(way: Way) -> int:
    for _ in range(WARM_UP):
        way.whole()
    once = median(_timed(way) for _ in range(3))
    return max(FEWEST, min(MOST, round(TURN_S / once)))


def _timed(way: Way) -> float:
    started = time.perf_counter()
    way.whole()
    return time.perf_counter() - started
