"""A trained network timed again, from its file; one that turns out too slow is rejected."""

from dataclasses import dataclass

import msgspec
import torch

from lithe.arch import standard_twin
from lithe.nets.build import build
from lithe.nets.model_file import load
from lithe.profiling.latency import Latency
from lithe.run.folder import Folder
from lithe.run.timing import Timed, in_calm, timed
from lithe.run.verify import now
from lithe.search.verify import Attempt
from lithe.units import format_seconds


@dataclass(frozen=True, slots=True)
class Timing:
    """A finished network and its standard-convolution twin, timed in turns.

    None for a machine that is not here. `slower_by` is the share by which the machine is
    slower than when the latency table was measured.
    """

    chosen: Latency | None = None
    twin: Latency | None = None
    reference_s: float | None = None
    slower_by: float = 0.0
    too_slow: bool = False


def time_finished(folder: Folder) -> Timing:
    """The saved network and its twin, on equal threads.

    Where the median breaks the limit, all are timed again after pauses of some seconds,
    three times at most: a shared machine may have been busy for a moment.
    """
    settings, then_s = folder.state.settings, folder.state.reference_s
    if settings.device is not None:
        return Timing()
    network = load(folder.model)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        twin = build(standard_twin(network.arch))
    limit = settings.budget.max_latency_s

    def late(found: Timed) -> bool:
        return limit is not None and found.latencies[0].p50_s > limit

    found = in_calm(
        lambda: timed([network, twin], settings.runtime, reference=limit is not None),
        late,
        then_s,
        always=not folder.state.finished,
    )
    chosen, beside = found.latencies
    return Timing(chosen, beside, found.reference_s, found.slower_by(then_s), late(found))


def reject(folder: Folder, timing: Timing) -> str:
    """Take the trained network for an attempt that failed, so that another is chosen.

    Returns what to say of it.
    """
    state = folder.state
    assert state.predicted is not None
    assert timing.chosen is not None
    attempt = Attempt(
        state.predicted,
        timing.chosen,
        holds=False,
        when=now(),
        reference_s=timing.reference_s,
        accuracy=state.metrics["val_accuracy"],
    )
    folder.update(
        msgspec.structs.replace(
            state,
            attempts=(*state.attempts, attempt),
            winner=None,
            predicted=None,
            preprocessing=None,
            metrics={},
        )
    )
    return (
        f"{state.predicted.arch.short_label} takes {format_seconds(timing.chosen.p50_s)} "
        "after training, "
        f"more than {format_seconds(state.settings.budget.max_latency_s or 0)}: "
        "the search goes on with a narrower network"
    )
