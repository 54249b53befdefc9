"""`lithe profile`: the static cost of a network, in total, by kind and by layer."""

from dataclasses import replace

import click
import msgspec

from lithe.cli.architecture_options import architecture_options, table_options
from lithe.nets.find import find
from lithe.profiling import static_profile
from lithe.profiling.convolutional import check_convolutional
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
    found = find(name, table_options(), batch=batch)
    check_convolutional(found)
    counted = replace(static_profile(found.model, found.input_shape), name=found.name)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(profile_values(counted, sort))))
    elif as_csv:
        click.echo(profile_csv(counted, sort), nl=False)
    else:
        click.echo(render(profile_text(counted, sort, columns())), nl=False)
