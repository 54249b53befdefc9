"""`lithe device`: what a machine can do, measured here, from a file or from data sheets."""

from pathlib import Path

import click


@click.command(name="device")
@click.argument("name", required=False, metavar="[FILE|BOARD]")
@click.option("--boards", "listed", is_flag=True, help="List the boards known from data sheets.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Also write it to this file."
)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@click.option("--quiet", is_flag=True, help="Do not say on stderr how far it is.")
def command(name: str | None, listed: bool, out: Path | None, as_json: bool, quiet: bool) -> None:
    """Show what a machine can do: multiply-adds, bytes moved, launches.

    Without a name this machine is measured, always anew, in some seconds, and kept in your
    cache folder, where `lithe profile` finds it. FILE is one that --out wrote here or
    elsewhere; BOARD is one of --boards.

    \b
        lithe device
        lithe device raspberry-pi-5
        lithe device --out my-phone.json

    Nothing else should run on the machine while it is measured.
    """  # noqa: D301
    from lithe.report.terminal import render

    if listed:
        from lithe.device.boards import BOARDS
        from lithe.report.device_text import boards_text

        if name or out or as_json:
            raise click.UsageError("--boards takes no name and no other option")
        click.echo(render(boards_text(BOARDS)), nl=False)
        return
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

        device = measure_device(Progress(quiet))
        where = keep_device(device) or "nowhere: the cache folder cannot be written"
    if out is not None:
        save_device(device, out)
        where = str(out)
    if as_json:
        click.echo(to_json(device), nl=False)
    else:
        click.echo(render(device_text(device, where)), nl=False)
