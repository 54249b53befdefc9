"""This machine's table, filled until it has so many networks."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from lithe.cost.table import table_cost
from lithe.engine.isa import InstructionSet
from lithe.engine.programs import threads_for
from lithe.latency_table.context import context_of
from lithe.latency_table.donors import donors
from lithe.latency_table.fill import Plan, measure_networks
from lithe.latency_table.store import Table, network_name
from lithe.latency_table.turns import USUAL, Effort
from lithe.progress import SILENT, Progress

NETWORKS = 150  # some five minutes
SEED = 0
FEWEST = 80  # before it is asked whether that is enough: of fewer luck decides
_LOOK_EVERY = 20  # networks, from one question whether it is enough to the next


@dataclass(frozen=True, slots=True)
class Filled:
    """What was done: networks measured now, and all that are there, some of them `disturbed`.

    `again` were measured twice, because other work had slowed the machine down. `enough` says
    that it ended before the table had as many as were asked for.
    """

    measured: int
    again: int
    networks: int
    disturbed: int
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
    the table. From time to time `enough` is asked whether the table is good as it is. At
    the end those that other work disturbed are measured once more.

    Raises:
        LitheError: as `lithe.latency_table.fill.measure_networks`.
        KeyboardInterrupt: Ctrl-C; what was measured is in the table.
    """
    context = context_of(isa, threads)
    there = {network_name(times.arch) for times in table.networks(context)}
    before, measured, satisfied = len(there), 0, False
    wanted = max(0, networks - before)
    fresh = (
        arch
        for arch in donors(SEED)
        if network_name(arch) not in there
        # Smaller ones would not run on so many threads.
        and threads_for(table_cost(arch).macs, threads) == threads
    )
    with progress.task("measuring networks", wanted) as advance:
        for _ in measure_networks(
            islice(fresh, wanted), isa, threads, plan, table, effort=effort, progress=progress
        ):
            measured += 1
            advance()
            if measured < wanted and _is_time(before + measured) and enough():
                satisfied = True
                break
    slow = [times.arch for times in table.networks(context) if times.disturbed] if measured else []
    with progress.task("measuring disturbed networks again", len(slow)) as advance:
        for _ in measure_networks(slow, isa, threads, plan, table, effort=effort):
            advance()
    disturbed = sum(times.disturbed for times in table.networks(context))
    return Filled(measured, len(slow), before + measured, disturbed, satisfied)


def _is_time(networks: int) -> bool:
    return networks >= FEWEST and networks % _LOOK_EVERY == 0
