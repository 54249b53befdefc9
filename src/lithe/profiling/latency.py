"""Latency, measured: how long one run of a network takes on this machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lithe.arch import Architecture
from lithe.progress import SILENT
from lithe.runtimes import DEFAULT, RUNTIMES, Ready, RuntimeName

if TYPE_CHECKING:
    from torch import Tensor

LONGEST_OF_EACH_S = 2.0  # of timing


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


def latencies(networks: "Sequence[tuple[Ready, Tensor]]") -> tuple[Latency, ...]:
    """Latencies of networks, each on its input, measured in turns (`lithe.profiling.turns`)."""
    from lithe.profiling.turns import ROUNDS, in_turns, way_of

    with SILENT.task("timing", ROUNDS) as advance:
        ways = [way_of(ready, x) for ready, x in networks]
        runs = in_turns(ways, advance, LONGEST_OF_EACH_S * len(ways))
    return tuple(run.total for run in runs)


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
        return latencies(networks)
