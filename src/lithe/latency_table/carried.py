"""A latency table as a part of a device, to be taken to another machine, and back."""

from collections.abc import Sequence

import msgspec

from lithe.arch import Architecture
from lithe.device import Device, LatencyTable
from lithe.device.latency_rows import Kernel, TimedNetwork
from lithe.errors import LitheError
from lithe.latency_table.store import network_name
from lithe.latency_table.values import Context, NetworkTimes, PlannedStep, StepTime

MAX_NETWORKS = 600  # of one table in a file: the newest; some 10 kB each


def carried(context: Context, networks: Sequence[NetworkTimes]) -> LatencyTable:
    """Networks of a context, as `Table.networks` gives them, as rows of a device.

    Raises:
        LitheError: there is none.
    """
    if not networks:
        raise LitheError(
            "there is nothing to take along: no network was measured with "
            f"{context.threads} thread(s); `lithe device --latency-table` measures some"
        )
    kernels: dict[PlannedStep, int] = {}
    rows = [_row(times, kernels) for times in networks[-MAX_NETWORKS:]]
    return LatencyTable(
        cpu=context.cpu[:200],
        isa=context.isa,
        threads=context.threads,
        code=context.code,
        reference_s=networks[-1].reference_s,
        kernels=tuple(Kernel(step.kernel, step.units, step.features) for step in kernels),
        networks=tuple(rows),
    )


def _row(times: NetworkTimes, kernels: dict[PlannedStep, int]) -> TimedNetwork:
    return TimedNetwork(
        table=msgspec.json.encode(times.arch).decode(),
        steps=tuple(kernels.setdefault(row.step, len(kernels)) for row in times.steps),
        seconds=tuple(row.seconds for row in times.steps),
        whole_s=times.whole_s,
        disturbed=times.disturbed,
        date=times.date,
    )


def table_for(device: Device, threads: int) -> LatencyTable:
    """The device's latency table for so many threads.

    Raises:
        LitheError: it has none, or only for other numbers of threads.
    """
    for table in device.latency:
        if table.threads == threads:
            return table
    measured = ", ".join(str(table.threads) for table in device.latency)
    raise LitheError(
        f"{device.name} has no latency table for {threads} thread{'s' * (threads > 1)}"
        + (f", only for {measured}" if measured else "")
        + f"; there: lithe device --latency-table --threads {threads} --out FILE"
    )


def context_in(table: LatencyTable) -> Context:
    """Where the times of a device's table hold."""
    return Context(table.cpu, table.isa, table.threads, table.code)


def networks_in(table: LatencyTable) -> tuple[NetworkTimes, ...]:
    """What was measured on the device, as `Table.networks` gave it there.

    Raises:
        LitheError: the file was changed: steps that it does not have, or a network that is none.
    """
    steps = [PlannedStep(kernel.name, kernel.units, kernel.features) for kernel in table.kernels]
    return tuple(_times(row, steps, table.reference_s) for row in table.networks)


def _times(row: TimedNetwork, steps: Sequence[PlannedStep], reference_s: float) -> NetworkTimes:
    try:
        arch = msgspec.json.decode(row.table, type=Architecture)
    except msgspec.DecodeError as error:
        raise LitheError(f"the latency table has a network that cannot be read: {error}") from None
    if len(row.steps) != len(row.seconds) or not all(at < len(steps) for at in row.steps):
        raise LitheError(
            f"the latency table is damaged: {len(row.seconds)} times of {len(row.steps)} steps, "
            f"{len(steps)} kernels"
        )
    name = network_name(arch)
    times = (
        StepTime(steps[at], name, seconds)
        for at, seconds in zip(row.steps, row.seconds, strict=True)
    )
    return NetworkTimes(arch, tuple(times), row.whole_s, reference_s, row.disturbed, row.date)
