"""Latencies of several networks whose ratios hold on a machine that does not hold still."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from lithe.profiling.latency import WARM_UP, Latency, summarised
from lithe.progress import Advance
from lithe.runtimes import Ready


@dataclass(frozen=True, slots=True)
class Turns:
    """How long to measure.

    In every round each network has one turn: a run that does not count, which fetches its
    weights back into the caches that the others used, then runs for `turn_s` and at least
    `fewest` of them. No round begins after `longest_s`, but there are `fewest_rounds`.
    """

    rounds: int = 20
    turn_s: float = 0.03
    fewest: int = 2
    longest_s: float = 15.0
    fewest_rounds: int = 4


def in_turns(
    networks: Sequence[tuple[Ready, Tensor]], advance: Advance, turns: Turns
) -> tuple[Latency, ...]:
    """Time networks, each on its input, in rounds of a new order; `advance` once a round.

    The clock of a shared machine changes by tens of per cent within seconds. A slow moment
    strikes all networks of a round alike, so it leaves their ratios as they are. What the
    network before leaves in the caches would not: a network of 10 ms behind one of 150 ms
    was 17 % slower than alone, and with a run that does not count as quick as alone.
    """
    for ready, x in networks:
        for _ in range(WARM_UP):
            ready.call(x)
    seconds: list[list[float]] = [[] for _ in networks]
    order = list(range(len(networks)))
    shuffle = random.Random(0).shuffle
    started = time.perf_counter()
    for number in range(turns.rounds):
        if number >= turns.fewest_rounds and time.perf_counter() - started > turns.longest_s:
            break
        shuffle(order)
        for place in order:
            seconds[place] += _turn(*networks[place], turns)
        advance()
    return tuple(
        summarised(sorted(times), ready)
        for times, (ready, _) in zip(seconds, networks, strict=True)
    )


def _turn(ready: Ready, x: Tensor, turns: Turns) -> list[float]:
    ready.call(x)
    times: list[float] = []
    while len(times) < turns.fewest or sum(times) < turns.turn_s:
        started = time.perf_counter()
        ready.call(x)
        times.append(time.perf_counter() - started)
    return times
