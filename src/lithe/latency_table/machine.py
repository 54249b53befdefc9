"""This machine's table, filled until it has so many networks."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from lithe.engine.isa import InstructionSet
from lithe.latency_table.context import context_of
from lithe.latency_table.donors import donors
from lithe.latency_table.fill import Plan, measure_networks
from lithe.latency_table.store import Table, network_name
from lithe.latency_table.turns import USUAL, Effort
from lithe.progress import SILENT, Progress

NETWORKS = 150  # some five minutes
SEED = 0
_LOOK_EVERY = 20  # networks, from one question whether it is enough to the next


@dataclass(frozen=True, slots=True)
class Filled:
    """What was done: networks measured now, of which other work disturbed some, and all there are.

    `enough` says that it ended before the table had as many as were asked for.
    """

    measured: int
    disturbed: int
    networks: int
    enough: bool = False


def fill_table(
    table: Table,
    isa: InstructionSet,
    threads: int,
    plan: Plan,
    networks: int = NETWORKS,
    *,
    enough: Callable[[], bool] = lambda: False,
    effort: Effort = USUAL,
    progress: Progress = SILENT,
) -> Filled:
    """Measure donor networks until the table has `networks` of them for this machine.

    What is there already counts, so what was stopped goes on, and a larger number extends
    the table. From time to time `enough` is asked whether the table is good as it is.

    Raises:
        LitheError: as `lithe.latency_table.fill.measure_networks`.
        KeyboardInterrupt: Ctrl-C; what was measured is in the table.
    """
    there = {network_name(times.arch) for times in table.networks(context_of(isa, threads))}
    before, disturbed, measured = len(there), 0, 0
    wanted = max(0, networks - before)
    fresh = (arch for arch in donors(SEED) if network_name(arch) not in there)
    with progress.task("measuring networks", wanted) as advance:
        for times in measure_networks(
            islice(fresh, wanted), isa, threads, plan, table, effort=effort, progress=progress
        ):
            measured += 1
            disturbed += times.disturbed
            advance()
            if measured < wanted and measured % _LOOK_EVERY == 0 and enough():
                return Filled(measured, disturbed, before + measured, enough=True)
    return Filled(measured, disturbed, before + measured)
