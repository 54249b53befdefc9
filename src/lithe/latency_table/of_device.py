"""This machine's latency table as a part of its device: filled, and ready to be taken along."""

from lithe.device import LatencyTable
from lithe.engine.target import instruction_set
from lithe.latency_table.carried import carried
from lithe.latency_table.context import context_of
from lithe.latency_table.plan import Planner
from lithe.latency_table.predictors import filled
from lithe.latency_table.store import Table
from lithe.progress import SILENT, Progress


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
    filled(table, isa, threads, Planner(isa, threads), networks, progress)
    context = context_of(isa, threads)
    return carried(context, table.networks(context))
