"""`lithe profile`: the static cost of a network, in total, by kind and by layer."""

from pathlib import Path

import click
import msgspec
from click.core import ParameterSource

from lithe.arch import Architecture, architecture
from lithe.cli.architecture_options import architecture_options
from lithe.profiling import static_profile
from lithe.report.profile_text import profile_text
from lithe.report.terminal import columns, render
from lithe.report.values import Sort, profile_csv, profile_values


@click.command(name="profile")
@click.argument("name", metavar="NAME|FILE")
@architecture_options
@click.option("--batch", type=int, default=1, show_default=True, help="Images in one run.")
@click.option(
    "--sort",
    type=click.Choice(["macs", "params", "memory"]),
    help="Most costly layers first; in order of processing by default.",
)
@click.option("--json", "as_json", is_flag=True, help="Print totals and layers as JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Print one line per layer as CSV.")
def command(
    name: str,
    width: float | None,
    resolution: int,
    classes: int,
    in_channels: int,
    paper_strides: bool,
    batch: int,
    sort: Sort | None,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Count MACs, parameters and peak activation bytes of a network.

    NAME is an architecture; FILE is a model.safetensors, whose own table is counted.
    Nothing is built or run.
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other")
    if batch < 1:
        raise click.BadParameter(f"{batch} images are none; give 1 or more", param_hint="--batch")
    path = Path(name)
    if path.suffix == ".safetensors" or path.is_file():
        arch = _stored(path)
    else:
        arch = architecture(
            name,
            width=width,
            resolution=resolution,
            num_classes=classes,
            in_channels=in_channels,
            paper_strides=paper_strides,
        )
    counted = static_profile(arch, (batch, arch.in_channels, arch.resolution, arch.resolution))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(profile_values(counted, sort))))
    elif as_csv:
        click.echo(profile_csv(counted, sort), nl=False)
    else:
        click.echo(render(profile_text(counted, sort, columns())), nl=False)


def _stored(path: Path) -> Architecture:
    context = click.get_current_context()
    for option in ("width", "resolution", "classes", "in_channels", "paper_strides"):
        if context.get_parameter_source(option) is not ParameterSource.DEFAULT:
            name = option.replace("_", "-")
            raise click.UsageError(
                f"--{name} is for a named architecture; {path} has its own table"
            )
    from lithe.nets.model_data import read_card

    return read_card(path).arch
