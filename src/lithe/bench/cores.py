"""Which cores a run is pinned to."""

import os
from pathlib import Path

from lithe.errors import LitheError

_TOPOLOGY = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"


def physical_cores() -> tuple[int, ...]:
    """One logical CPU of every core that this process may use, in ascending order.

    Two threads of one core share its FMA units: a benchmark wants the cores. Empty where the
    system has no affinity, as macOS.
    """
    if not hasattr(os, "sched_getaffinity"):
        return ()
    first_of: dict[str, int] = {}
    for cpu in sorted(os.sched_getaffinity(0)):
        siblings = Path(_TOPOLOGY.format(cpu))
        first_of.setdefault(siblings.read_text() if siblings.exists() else str(cpu), cpu)
    return tuple(first_of.values())


def pinned_to(threads: int) -> tuple[int, ...]:
    """The last `threads` cores; the first ones serve more of the system's interrupts.

    Raises:
        LitheError: fewer cores than threads.
    """
    cores = physical_cores()
    if cores and threads > len(cores):
        raise LitheError(
            f"{threads} threads need as many cores, and this process may use {len(cores)}; "
            f"give --threads {len(cores)} or fewer"
        )
    return cores[-threads:]
