"""`lithe device`: what a machine can do, measured here, from a file or from data sheets."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from lithe.device import Device, LatencyTable
    from lithe.latency_table.store import Table
    from lithe.progress import Progress


@click.command(name="device")
@click.argument("name", required=False, metavar="[FILE|BOARD]")
@click.option("--boards", "listed", is_flag=True, help="List the boards known from data sheets.")
@click.option(
    "--latency-table",
    "with_table",
    is_flag=True,
    help="Also time the engine's steps in many small networks.",
)
@click.option(
    "--check",
    type=click.IntRange(10),
    metavar="N",
    help="Predict the latency of N random networks, measure them, and compare.",
)
@click.option("--seed", type=click.IntRange(0), default=0, help="Of the networks of --check.")
@click.option("--threads", type=click.IntRange(1), help="Threads to time steps with [1].")
@click.option("--networks", type=click.IntRange(1), help="Networks to have in the table [150].")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Also write it to this file."
)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@click.option("--quiet", is_flag=True, help="Do not say on stderr how far it is.")
def command(
    name: str | None,
    listed: bool,
    with_table: bool,
    check: int | None,
    seed: int,
    threads: int | None,
    networks: int | None,
    out: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Show what a machine can do: multiply-adds, bytes moved, launches.

    Without a name this machine is measured, always anew, in some seconds, and kept in your
    cache folder, where `lithe profile` finds it. FILE is one that --out wrote here or
    elsewhere; BOARD is one of --boards.

    \b
        lithe device
        lithe device raspberry-pi-5
        lithe device --out my-phone.json
        lithe device --latency-table --threads 4 --out my-phone.json
        lithe device --check 50

    With --latency-table the engine's steps are timed too, in some minutes. They are kept in
    your cache folder, and what is there already is not timed again. With the file that --out
    writes, `lithe fit --device FILE` keeps to a latency on this machine from another one.

    With --check random networks are predicted from the latency table, compiled and timed, two
    seconds each; --out then keeps the comparison as JSON.

    Nothing else should run on the machine while it is measured.
    """  # noqa: D301
    if check is not None:
        if name or listed or with_table or networks:
            raise click.UsageError("--check goes with --threads, --seed, --out and --json only")
        from lithe.cli.check_table import check_table

        check_table(check, threads or 1, seed, out, as_json, quiet)
        return
    from lithe.report.terminal import render

    if listed:
        from lithe.device.boards import BOARDS
        from lithe.report.device_text import boards_text

        if name or out or as_json or with_table:
            raise click.UsageError("--boards takes no name and no other option")
        click.echo(render(boards_text(BOARDS)), nl=False)
        return
    if (threads or networks) and not with_table:
        raise click.UsageError("--threads and --networks are for --latency-table")
    if name and with_table:
        raise click.UsageError("--latency-table measures this machine, so it takes no name")
    from lithe.device.file import save_device, to_json
    from lithe.device.find import find_device
    from lithe.errors import LitheError
    from lithe.progress import Progress
    from lithe.report.device_text import device_text

    if out is not None and not out.parent.is_dir():
        raise LitheError(f"there is no folder {out.parent} to write {out.name} into")
    if name is not None:
        device, where = find_device(name), ""
    else:
        from lithe.profiling.probe import keep_device, measure_device

        progress = Progress(quiet)
        table = _table(progress) if with_table else None  # before minutes pass
        device = measure_device(progress)
        where = keep_device(device) or "nowhere: the cache folder cannot be written"
        if table is not None:
            device = _timed(device, table, threads or 1, networks, out, progress)
    if out is not None:
        save_device(device, out)
        where = str(out)
    if as_json:
        click.echo(to_json(device), nl=False)
    else:
        click.echo(render(device_text(device, where, _errors(device))), nl=False)


def _table(progress: "Progress") -> "Table":
    from lithe.latency_table.store import open_table

    table = open_table()
    if table.note:
        progress.say(table.note)
    return table


def _timed(
    device: "Device",
    table: "Table",
    threads: int,
    networks: int | None,
    out: Path | None,
    progress: "Progress",
) -> "Device":
    """The device with its latency table, and those for other numbers of threads that `out` has."""
    from msgspec.structs import replace

    from lithe.latency_table.of_device import measured_here

    rows = measured_here(table, threads, networks, progress)
    return replace(device, latency=(*_others(rows, out), rows))


def _others(table: "LatencyTable", out: Path | None) -> "tuple[LatencyTable, ...]":
    """Tables in the file that is about to be replaced, of this processor and generator."""
    from lithe.device.file import load_device

    if out is None or not out.exists():
        return ()
    here = (table.cpu, table.isa, table.code)
    return tuple(
        each
        for each in load_device(out).latency
        if (each.cpu, each.isa, each.code) == here and each.threads != table.threads
    )


def _errors(device: "Device") -> dict[int, float]:
    """How well each latency table predicts networks that were left out of it."""
    if not device.latency:
        return {}
    from lithe.latency_table.carried import networks_in
    from lithe.latency_table.predict import left_out

    errors = {table.threads: left_out(networks_in(table)) for table in device.latency}
    return {threads: error.median for threads, error in errors.items() if error is not None}
