"""Interleaved rounds: every engine runs a little, in a new order each time, while others rest.

A machine's clock and its neighbours change over minutes. Taking turns lets a slow moment
strike all engines alike, so ratios hold where absolute times drift.
"""

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass

from lithe.bench.process import Worker
from lithe.errors import LitheError
from lithe.progress import Advance

SEED = 0


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure one cell.

    A turn is `warm_up` runs that do not count, which fetch weights back into the caches that
    the others used, then runs for `burst_s` and at least `fewest` of them. No round begins
    once the cell has taken `longest_s`, but there are 3 at least.
    """

    rounds: int
    burst_s: float = 0.05
    fewest: int = 5
    warm_up: int = 2
    longest_s: float = 60.0


QUICK = Effort(rounds=12, longest_s=20.0)
FULL = Effort(rounds=30, longest_s=90.0)
FEWEST_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of every run of one engine, or why it stopped."""

    seconds: tuple[float, ...]
    rounds: int
    failure: str = ""


def interleave(
    workers: Mapping[str, Worker], effort: Effort, advance: Advance
) -> dict[str, Timing]:
    """Time engines that are loaded and paused; `advance` is called once a round."""
    order = list(workers)
    seconds: dict[str, list[float]] = {name: [] for name in order}
    rounds = dict.fromkeys(order, 0)
    failures: dict[str, str] = {}
    shuffle = random.Random(SEED).shuffle
    started = time.monotonic()
    for number in range(effort.rounds):
        if number >= FEWEST_ROUNDS and time.monotonic() - started > effort.longest_s:
            break
        shuffle(order)
        for name in order:
            if name in failures:
                continue
            worker = workers[name]
            worker.resume()
            try:
                answer = worker.ask(
                    "time",
                    warm_up=effort.warm_up,
                    budget_s=effort.burst_s,
                    fewest=effort.fewest,
                )
            except LitheError as error:
                failures[name] = str(error)
                continue
            worker.pause()
            seconds[name] += answer["seconds"]
            rounds[name] += 1
        advance()
    return {
        name: Timing(tuple(seconds[name]), rounds[name], failures.get(name, "")) for name in workers
    }
