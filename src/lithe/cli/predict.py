"""`lithe predict`: classify images with a trained model file."""

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lithe.cli.own_network import network_option, opened
from lithe.errors import LitheError
from lithe.runtimes import DEFAULT, RUNTIMES, RuntimeName

if TYPE_CHECKING:
    from lithe.training.predict import Prediction


@click.command()
@click.argument("model", type=click.Path())
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option("--top-k", type=click.IntRange(1), default=5, help="Classes to name for each [5].")
@click.option("--json", "as_json", is_flag=True, help="Print the answers as JSON.")
@click.option("--csv", "csv_file", metavar="FILE", help="Write a table to FILE; - prints it.")
@click.option("--skip-bad-images", is_flag=True, help="Images that can't be read are no error.")
@click.option("--workers", type=click.IntRange(0), help="Processes that decode images.")
@click.option(
    "--runtime",
    type=click.Choice(list(RUNTIMES)),
    default=DEFAULT,
    help=f"lithe's engine, on the CPU, or eager PyTorch, on a GPU if there is one [{DEFAULT}].",
)
@network_option
@click.option("--quiet", is_flag=True, help="Say nothing on the way.")
def command(
    model: str,
    paths: tuple[str, ...],
    top_k: int,
    as_json: bool,
    csv_file: str | None,
    skip_bad_images: bool,
    workers: int | None,
    runtime: RuntimeName,
    network: str | None,
    quiet: bool,
) -> int:
    """Classify images with a trained model file.

    PATH is an image, or a folder with images at any depth. Images that cannot be read do not
    stop the others; they are named at the end, and the exit code is then 2.

    \b
        lithe predict runs/photos/model.safetensors new_photos/
        lithe predict model.safetensors a.jpg b.jpg --top-k 1 --csv answers.csv
    """  # noqa: D301
    if as_json and csv_file == "-":
        raise LitheError("--json and --csv - would both be printed; choose one, or name a file")
    from lithe.progress import Progress
    from lithe.training.check import bad_images
    from lithe.training.predict import predict

    progress = Progress(quiet)
    found = predict(
        opened(model, network),
        paths,
        top_k=top_k,
        workers=workers,
        runtime=runtime,
        progress=progress,
    )
    if csv_file is not None:
        _write_csv(csv_file, found)
    if as_json:
        click.echo(json.dumps([_as_dict(one) for one in found], indent=2))
    elif csv_file is None:
        _print([one for one in found if one.top])
    bad = [(one.name, one.problem) for one in found if one.problem]
    if bad and not skip_bad_images:
        raise LitheError(
            f"{bad_images(bad, len(found))}; the others are answered (with --skip-bad-images"
            " this is no error)"
        )
    if bad:
        progress.say(f"left out {bad_images(bad, len(found))}")
    return 0


def _print(found: "list[Prediction]") -> None:
    import sys

    if not sys.stdout.isatty():
        for one in found:
            answers = ", ".join(f"{name} {share:.1%}" for name, share in one.top)
            click.echo(f"{one.name}: {answers}")
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("Image", "Class", "Probability", "Otherwise", box=None, pad_edge=False)
    table.columns[2].justify = "right"
    for one in found:
        (name, share), *others = one.top
        otherwise = ", ".join(f"{other} {its:.1%}" for other, its in others)
        # Text, because square brackets in a name are not markup.
        table.add_row(Text(one.name), Text(name), f"{share:.1%}", Text(otherwise))
    Console().print(table)


def _as_dict(one: "Prediction") -> dict[str, object]:
    if one.problem:
        return {"image": one.name, "problem": one.problem}
    top = [{"class": name, "probability": share} for name, share in one.top]
    return {"image": one.name, "top": top}


def _write_csv(file: str, found: "tuple[Prediction, ...]") -> None:
    """One row for each image: its name, its problem if any, then class and probability by rank."""
    ranks = max((len(one.top) for one in found), default=0)
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    header = [
        f"{field}_{rank}" for rank in range(1, ranks + 1) for field in ("class", "probability")
    ]
    rows.writerow(["image", "problem", *header])
    for one in found:
        rows.writerow([one.name, one.problem, *(value for answer in one.top for value in answer)])
    if file == "-":
        click.echo(text.getvalue(), nl=False)
        return
    from lithe.files import write_atomically

    write_atomically(Path(file), text.getvalue().encode())
