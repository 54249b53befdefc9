"""This machine's latency table as a part of its device: filled, and ready to be taken along."""

from lithe.device import LatencyTable
from lithe.engine.target import instruction_set
from lithe.latency_table.carried import carried
from lithe.latency_table.context import context_of
from lithe.latency_table.machine import NETWORKS, fill_table
from lithe.latency_table.plan import Planner
from lithe.latency_table.predictors import is_good, left_out
from lithe.latency_table.store import Table
from lithe.progress import SILENT, Progress

_NETWORKS_PER_MIN = 30


def measured_here(
    table: Table, threads: int, networks: int | None = None, progress: Progress = SILENT
) -> LatencyTable:
    """Fill a table for this machine and so many threads, and return it as rows.

    It is filled until it has `networks`, or, where no number is given, until networks that
    were left out are predicted well from the others.

    Raises:
        LitheError: the engine does not run here, or the table cannot be used.
        KeyboardInterrupt: Ctrl-C; what was measured is kept.
    """
    isa = instruction_set()
    context = context_of(isa, threads)

    def enough() -> bool:
        return networks is None and is_good(left_out(table.networks(context)))

    wanted = networks or NETWORKS
    there = len(table.networks(context))
    if there < wanted:
        minutes = max(1, round((wanted - there) / _NETWORKS_PER_MIN))
        progress.say(
            f"up to {wanted - there} networks are compiled and timed with {threads} "
            f"thread{'s' * (threads > 1)}, some {minutes} min; {there} are there already"
        )
        try:
            filled = fill_table(
                table, isa, threads, Planner(isa, threads).steps, wanted,
                enough=enough, progress=progress,
            )  # fmt: skip
        except KeyboardInterrupt:
            kept = len(table.networks(context))
            progress.say(f"{kept} networks are kept; the same command goes on from there")
            raise
        if filled.disturbed:
            progress.say(
                f"{filled.disturbed} of {filled.networks} networks were measured while other work "
                "slowed the machine down; their times are less certain"
            )
    return carried(context, table.networks(context))
