"""`lithe compare`: networks side by side, timed in turns."""

import sys
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path

import click
import msgspec

from lithe.arch.named import TableOptions
from lithe.cli.architecture_options import architecture_options, table_options
from lithe.errors import LitheError
from lithe.files import write_atomically
from lithe.graph.ops import Shape
from lithe.interrupt import import_whole
from lithe.nets.find import find, names_table
from lithe.profiling.compare import side_by_side
from lithe.profiling.convolutional import check_convolutional
from lithe.profiling.side_by_side import Refused
from lithe.profiling.subject import Subject, subject_of
from lithe.progress import SILENT, Progress
from lithe.report.compare_text import compare_text
from lithe.report.compare_values import compare_csv, compare_values
from lithe.report.terminal import columns, render
from lithe.runtimes import RuntimeName
from lithe.units import parse_shape


@click.command(name="compare")
@click.argument("names", metavar="NAME|FILE...", nargs=-1, required=True)
@click.option("--to", metavar="NAME", help="Network that is 1 in multiples; the first by default.")
@click.option("--input", "shape", metavar="NxCxHxW", help="Input of every network: 1x3x224x224.")
@click.option("--batch", type=click.IntRange(min=1), help="Images in one run; 1 by default.")
@architecture_options
@click.option("--static", is_flag=True, help="Count only; nothing is run.")
@click.option("--threads", type=click.IntRange(min=1), help="At most so many; all by default.")
@click.option("--html", type=click.Path(path_type=Path), help="Write a page to this file as well.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Print one line per network as CSV.")
@click.option("--quiet", is_flag=True, help="Show no progress.")
def command(
    names: tuple[str, ...],
    to: str | None,
    shape: str | None,
    batch: int | None,
    static: bool,
    threads: int | None,
    html: Path | None,
    as_json: bool,
    as_csv: bool,
    quiet: bool,
) -> None:
    """Put networks side by side: compute, memory and latency.

    Each NAME is an architecture, a label such as mobilenet_v2_w0.5_r160, timm:NAME,
    torchvision:NAME, or package.module:attribute, which runs that code of yours; FILE is
    .onnx or .safetensors, of which no code is run. Options of a table (--width and so on)
    are for the architectures among them.

    All networks are timed in turns, in lithe's engine and then in eager PyTorch, so that
    ratios hold where this machine's clock drifts. One that cannot be compared is listed with
    its reason, and the others go on.

    \b
        lithe compare mobilenet_v1 mobilenet_v2 timm:resnet18 --html compare.html
    """  # noqa: D301
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other")
    if html is not None and not html.parent.is_dir():
        raise LitheError(f"there is no folder {html.parent} to write {html.name} into")
    options = table_options()
    if options.given and not any(map(names_table, names)):
        raise click.UsageError(f"{options.given[0]} is for architectures, and none is compared")
    given = parse_shape(shape) if shape else None
    progress = SILENT if quiet else Progress()
    if not (static and all(map(names_table, names))):
        import_whole("torch")
    # What a network's own code prints is no result.
    with redirect_stdout(sys.stderr):
        subjects = []
        with progress.task("building", len(names)) as advance:
            for name in names:
                subjects.append(_subject(name, options, given, batch))
                advance(note=name)
        if to in names:
            to = subjects[names.index(to)].name
        runtimes: tuple[RuntimeName, ...] = () if static else ("lithe", "eager")
        compared = side_by_side(subjects, to, runtimes, threads, progress)
    if html is not None:
        from lithe.report.compare_page import compare_page

        write_atomically(html, compare_page(compared).encode())
        progress.say(f"page: {html}")
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(compare_values(compared))))
    elif as_csv:
        click.echo(compare_csv(compared), nl=False)
    else:
        click.echo(render(compare_text(compared, columns())), nl=False)


def _subject(
    name: str, options: TableOptions, shape: Shape | None, batch: int | None
) -> Subject | Refused:
    table = names_table(name)
    try:
        found = find(name, options if table else None, shape, batch=batch)
        check_convolutional(found)
        subject = subject_of(found.model, found.input_shape)
    except LitheError as error:
        return Refused(name, str(error))
    # A table is called what was typed unless options made another one of it.
    return replace(subject, name=found.name if table and options.given else name)
