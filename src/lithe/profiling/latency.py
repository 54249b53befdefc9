"""Latency, measured: how long one run of a network takes on this machine."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lithe.arch import Architecture
from lithe.nets.build import build

Run = Callable[[], object]
Runtime = Callable[[nn.Module, Tensor], Run]

WARM_UP = 5
SHORTEST_S = 0.25  # of measuring for each network
FEWEST, MOST = 15, 500  # runs


@dataclass(frozen=True, slots=True)
class Latency:
    """Wall-clock seconds of one run: 20th, 50th and 80th percentile, and how they came about."""

    p20_s: float
    p50_s: float
    p80_s: float
    runs: int
    threads: int
    runtime: str


def eager(network: nn.Module, example: Tensor) -> Run:
    """PyTorch as it is, in inference mode, channels last, the layout it is quickest in."""
    # The stubs of Module.to do not know memory_format, though it is documented.
    model = network.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    x = example.to(memory_format=torch.channels_last)

    def run() -> object:
        with torch.inference_mode():
            return model(x)

    return run


# What can run a network: one line for a new runtime.
RUNTIMES: dict[str, Runtime] = {"eager": eager}


def measure(runs: Sequence[Run], runtime: str = "eager") -> tuple[Latency, ...]:
    """Time several networks in turn, one run of each after the other.

    Taking turns lets a slow moment of the machine strike all of them alike, so ratios hold
    where absolute times drift. After 5 runs to warm up, each network is run at least 15
    times and for at least 0.25 s, at most 500 times.
    """
    for run in runs:
        for _ in range(WARM_UP):
            run()
    times: list[list[float]] = [[] for _ in runs]
    while len(times[0]) < FEWEST or (len(times[0]) < MOST and min(map(sum, times)) < SHORTEST_S):
        for run, seconds in zip(runs, times, strict=True):
            started = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - started)
    return tuple(_latency(sorted(seconds), runtime) for seconds in times)


def _latency(seconds: list[float], runtime: str) -> Latency:
    p20, p50, p80 = (seconds[round(share * (len(seconds) - 1))] for share in (0.2, 0.5, 0.8))
    return Latency(p20, p50, p80, len(seconds), torch.get_num_threads(), runtime)


def latency_of(archs: Sequence[Architecture], runtime: str = "eager") -> tuple[Latency, ...]:
    """Latency at batch 1 of tables' networks with random weights, measured in turns.

    The weights are drawn from a generator of their own: measuring changes no training.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        runs = [
            RUNTIMES[runtime](
                build(arch), torch.randn(1, arch.in_channels, arch.resolution, arch.resolution)
            )
            for arch in archs
        ]
        return measure(runs, runtime)
