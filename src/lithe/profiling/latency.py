"""Latency, measured: how long one run of a network takes on this machine."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lithe.arch import Architecture
from lithe.runtimes import DEFAULT, RUNTIMES, Ready, RuntimeName

if TYPE_CHECKING:
    from torch import Tensor

WARM_UP = 5
SHORTEST_S = 0.25  # of measuring for each network
FEWEST, MOST = 15, 500  # runs


@dataclass(frozen=True, slots=True)
class Latency:
    """Wall-clock seconds of one run: 20th, 50th and 80th percentile, and how they came about.

    `threads` is how many the runtime used at most.
    """

    p20_s: float
    p50_s: float
    p80_s: float
    runs: int
    threads: int
    runtime: RuntimeName


def measure(networks: "Sequence[tuple[Ready, Tensor]]") -> tuple[Latency, ...]:
    """Time several networks in turn, each on its input, one run of each after the other.

    Taking turns lets a slow moment of the machine strike all of them alike, so ratios hold
    where absolute times drift. After 5 runs to warm up, each network is run at least 15
    times and for at least 0.25 s, at most 500 times.
    """
    for ready, x in networks:
        for _ in range(WARM_UP):
            ready.call(x)
    times: list[list[float]] = [[] for _ in networks]
    while len(times[0]) < FEWEST or (len(times[0]) < MOST and min(map(sum, times)) < SHORTEST_S):
        for (ready, x), seconds in zip(networks, times, strict=True):
            started = time.perf_counter()
            ready.call(x)
            seconds.append(time.perf_counter() - started)
    return tuple(
        latency_from(seconds, ready.threads, ready.runtime)
        for (ready, _), seconds in zip(networks, times, strict=True)
    )


def latency_from(seconds: Sequence[float], threads: int, runtime: RuntimeName) -> Latency:
    """The latency that single runs of so many seconds amount to."""
    return Latency(*percentiles(seconds), len(seconds), threads, runtime)


def percentiles(seconds: Sequence[float]) -> tuple[float, float, float]:
    """The 20th, 50th and 80th percentile, each one of the numbers given.

    >>> percentiles([3, 1, 2, 5, 4, 6])
    (2, 3, 5)
    """
    ordered = sorted(seconds)
    p20, p50, p80 = (ordered[round(share * (len(ordered) - 1))] for share in (0.2, 0.5, 0.8))
    return p20, p50, p80


def latency_of(
    archs: Sequence[Architecture], runtime: RuntimeName = DEFAULT
) -> tuple[Latency, ...]:
    """Latency at batch 1 of tables' networks with random weights, measured in turns.

    The weights are drawn from a generator of their own: measuring changes no training.

    Raises:
        LitheError: the runtime does not work on this machine.
    """
    import torch

    from lithe.nets.build import build

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        networks = []
        for arch in archs:
            shape = (1, arch.in_channels, arch.resolution, arch.resolution)
            networks.append((RUNTIMES[runtime](build(arch), shape), torch.randn(shape)))
        return measure(networks)
