"""`lithe profile`: compute, memory and latency of any network, in total and by layer."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lithe.cli.architecture_options import architecture_options, table_options
from lithe.cli.own_network import network_option
from lithe.errors import LitheError
from lithe.files import write_atomically
from lithe.report.step_groups import Sort
from lithe.units import parse_shape

if TYPE_CHECKING:
    from lithe.profiling import Profile


@click.command(name="profile")
@click.argument("name", metavar="NETWORK")
@architecture_options
@click.option("--input", "shape", metavar="NxCxHxW", help="Shape of the input: 1x3x320x320.")
@click.option("--batch", type=int, help="Images in one run; 1 unless --input says more.")
@network_option
@click.option("--static", is_flag=True, help="Only count; nothing is run.")
@click.option("--threads", type=click.IntRange(min=1), help="Threads of one run.")
@click.option("--device", "machine", metavar="FILE|BOARD", help="Predict for another machine.")
@click.option(
    "--sort",
    type=click.Choice(["macs", "params", "memory", "time"]),
    help="Most costly layers first; in order of processing by default.",
)
@click.option("--depth", type=click.IntRange(min=1), help="How far down modules are listed.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Print one line per layer as CSV.")
@click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a page that opens offline.",
)
@click.option("--quiet", is_flag=True, help="Do not say on stderr how far it is.")
def command(
    name: str,
    shape: str | None,
    batch: int | None,
    network: str | None,
    static: bool,
    threads: int | None,
    machine: str | None,
    sort: Sort | None,
    depth: int | None,
    as_json: bool,
    as_csv: bool,
    html: Path | None,
    quiet: bool,
) -> None:
    """Show what a network costs: compute, memory, latency, energy, and each layer's part.

    \b
    NETWORK is one of
        mobilenet_v2               a table of lithe's (lithe show), with --width and so on
        timm:mobilenetv3_large_100, torchvision:resnet18     random weights
        package.module:attribute   your own module, or a class or function that makes one
        model.onnx, model.safetensors

    package.module:attribute runs your own code: it is imported with the current folder on
    the path. Nothing else runs code from a file, and nothing is fetched.

    \b
        lithe profile mobilenet_v2 --static
        lithe profile timm:resnet18 --threads 1 --sort time
        lithe profile mypackage.models:build_net --input 1x3x320x320
        lithe profile model.onnx --html report.html

    Latency is measured on this machine, in lithe's engine and in eager PyTorch; nothing else
    should run on it meanwhile.
    """  # noqa: D301
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other")
    if static and (threads or machine):
        raise click.UsageError(
            f"--static runs nothing, so {'--threads' if threads else '--device'} says nothing"
        )
    if batch is not None and batch < 1:
        raise click.BadParameter(f"{batch} images are none; give 1 or more", param_hint="--batch")
    if html is not None and not html.parent.is_dir():
        raise LitheError(f"there is no folder {html.parent} to write {html.name} into")
    import sys
    from contextlib import redirect_stdout
    from dataclasses import replace

    from lithe.device.find import find_device
    from lithe.interrupt import import_whole
    from lithe.nets.find import find
    from lithe.profiling.convolutional import check_convolutional
    from lithe.profiling.profile import profile
    from lithe.progress import Progress

    device = None if machine is None else find_device(machine)
    progress = Progress(quiet)
    if ":" in name or not (static or machine):
        import_whole("torch")
    with redirect_stdout(sys.stderr):  # what the user's code prints is no result
        asked = None if shape is None else parse_shape(shape)
        found = find(name, table_options(), asked, batch, network=network)
        check_convolutional(found)
        result = replace(
            profile(
                found.model,
                found.input_shape,
                static=static,
                threads=threads,
                device=device,
                progress=progress,
            ),
            name=found.name,
        )
    if html is not None:
        from lithe.report.profile_page import profile_page

        write_atomically(html, profile_page(result).encode())
        progress.say(f"page: {html}")
    click.echo(_text(result, sort, depth, as_json, as_csv), nl=False)


def _text(
    profile: "Profile", sort: Sort | None, depth: int | None, as_json: bool, as_csv: bool
) -> str:
    if as_json or as_csv:
        import msgspec

        from lithe.report.profile_values import profile_csv, profile_values

        if as_csv:
            return profile_csv(profile, sort)
        values = msgspec.json.encode(profile_values(profile, sort))
        return msgspec.json.format(values).decode() + "\n"
    from lithe.report.profile_text import profile_text
    from lithe.report.terminal import columns, render

    width = columns()
    return render(profile_text(profile, sort, width, depth), width=width)
