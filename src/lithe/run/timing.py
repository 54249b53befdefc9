"""Networks timed beside the reference network, so that a slow machine is told from a slow network.

What one moment of a shared machine says of a limit is not the last word: where a network is
late and the reference network is too, both are timed again after a pause.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from lithe.latency_table.reference import REFERENCE
from lithe.nets.build import Network, build
from lithe.profiling.latency import Latency, latencies
from lithe.run.training import torch_threads
from lithe.runtimes import RUNTIMES, RuntimeName
from lithe.search.verify import SLOWER, slower_by

PAUSES_S = (2.0, 5.0, 10.0)  # before a network that was late is timed again


@dataclass(frozen=True, slots=True)
class Timed:
    """Latencies of networks that were timed in turns, the reference network's among them."""

    latencies: tuple[Latency, ...]
    reference_s: float | None = None

    def slower_by(self, then_s: float | None) -> float:
        """The share by which the machine is slower than when the reference took `then_s`."""
        return slower_by(then_s, self.reference_s)


def timed(networks: Sequence[Network], runtime: RuntimeName, reference: bool = True) -> Timed:
    """Medians and percentiles of each, at batch 1, all on as many threads as the first.

    Without `reference` the reference network is not timed.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        ready = []
        threads = torch.get_num_threads()
        for network in (*networks, *([build(REFERENCE)] if reference else [])):
            arch = network.arch
            x = torch.randn(1, arch.in_channels, arch.resolution, arch.resolution)
            with torch_threads(threads):  # one with more to do would take more of them
                ready.append((RUNTIMES[runtime](network, tuple(x.shape)), x))
            threads = ready[0][0].threads
    found = latencies(ready)
    return Timed(found[:-1], found[-1].p50_s) if reference else Timed(found)


def in_calm(
    time_them: Callable[[], Timed],
    late: Callable[[Timed], bool],
    then_s: float | None,
    *,
    always: bool = False,
    pause: Callable[[float], None] = time.sleep,
) -> Timed:
    """Timed once, and up to three times more while the network is late on a slow machine.

    The machine counts as slow where the reference takes a tenth longer than `then_s`; with
    `always` a network that is late is timed again in any case. The last word counts.
    """
    found = time_them()
    for seconds in PAUSES_S:
        if not late(found) or not (always or found.slower_by(then_s) > SLOWER):
            break
        pause(seconds)
        found = time_them()
    return found
