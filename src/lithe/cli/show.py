"""`lithe show`: a network as its paper prints it, with what each row costs."""

import click
import msgspec

from lithe.arch.named import named
from lithe.cli.architecture_options import architecture_options, table_options
from lithe.profiling import static_profile
from lithe.report.paper_table import paper_table
from lithe.report.paper_text import paper_text
from lithe.report.terminal import render
from lithe.report.values import paper_values


@click.command(name="show")
@click.argument("name")
@architecture_options
@click.option("--json", "as_json", is_flag=True, help="Print the table as JSON.")
def command(
    name: str,
    as_json: bool,
) -> None:
    """Print the architecture NAME as its paper does, with its cost.

    MACs, parameters and activation bytes stand beside each row. Nothing is built or run.
    """
    arch = named(name, table_options())
    printed, counted = paper_table(arch), static_profile(arch)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(paper_values(printed, counted))))
    else:
        click.echo(render(paper_text(printed, counted)), nl=False)
