"""`lithe evaluate`: how often a model file is right, and what it takes for what."""

import json
import math
from typing import TYPE_CHECKING

import click

from lithe.cli.own_network import network_option, opened
from lithe.errors import LitheError

if TYPE_CHECKING:
    from rich.table import Table

    from lithe.nets.card import Card
    from lithe.training.evaluate import Evaluation
    from lithe.training.images import FoundImages, ImageSet

COLUMNS = 80  # a matrix that is wider is no longer read; its worst entries are listed instead
WORST = 10


@click.command()
@click.argument("model", type=click.Path())
@click.argument("data")
@click.option(
    "--part",
    type=click.Choice(["auto", "held-out", "all"]),
    default="auto",
    help="Which of the images: see above [auto].",
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.option("--skip-bad-images", is_flag=True, help="Leave out images that can't be read.")
@click.option("--workers", type=click.IntRange(0), help="Processes that decode images.")
@network_option
@click.option("--quiet", is_flag=True, help="Say nothing on the way.")
def command(
    model: str,
    data: str,
    part: str,
    as_json: bool,
    skip_bad_images: bool,
    workers: int | None,
    network: str | None,
    quiet: bool,
) -> None:
    """Measure a model file on labelled images.

    DATA is as for `lithe fit`. Of a folder with `train/` and `val/` inside, and of a
    published data set, the held-out images are shown to the network. Other data are shown
    whole, but if the model was trained on data of the same name, only the part that was
    held out then. --part decides otherwise.

    \b
        lithe evaluate runs/photos/model.safetensors test_photos/
        lithe evaluate runs/digits/model.safetensors digits --json
    """  # noqa: D301
    from torch import nn

    from lithe.nets.cards import card_of
    from lithe.nets.load import load
    from lithe.progress import Progress
    from lithe.training.evaluate import evaluate
    from lithe.training.image_set import relabel
    from lithe.training.images import find_images

    progress = Progress(quiet)
    given = opened(model, network)
    loaded = given if isinstance(given, nn.Module) else load(given)
    card = card_of(loaded)
    assert card is not None  # of a network from a file
    source = find_images(data, skip_bad_images=skip_bad_images, progress=progress, workers=workers)
    images, which = _chosen(source, part, card)
    images = relabel(images, source.classes, card.classes)
    found = evaluate(loaded, images, card.preprocessing, workers=workers, progress=progress)
    if as_json:
        click.echo(json.dumps(_as_dict(found, which), indent=2))
    else:
        _print(found, which)


def _chosen(source: "FoundImages", part: str, card: "Card") -> "tuple[ImageSet, str]":
    """The images to show, and in words which ones they are."""
    from lithe.training.images import HELD_OUT, split

    if source.held_out is not None:
        if part == "all":
            raise LitheError(
                f"{source.name} says itself what is held out; give the folder of one of its"
                " parts to measure on that"
            )
        return source.held_out, f"held-out images of {source.name}"
    if part == "held-out" or (part == "auto" and source.name == card.data):
        images = split(source.images, HELD_OUT, card.seed)[1]
        return images, f"images of {source.name}, the part that seed {card.seed} holds out"
    return source.images, f"images of {source.name}"


def _as_dict(found: "Evaluation", which: str) -> dict[str, object]:
    return {
        "accuracy": found.accuracy,
        "loss": found.loss if math.isfinite(found.loss) else None,
        "images": len(found.predicted),
        "measured_on": which,
        "classes": [
            {
                "name": row.name,
                "images": row.count,
                "correct": row.correct,
                "recall": row.recall,
                "precision": row.precision,
            }
            for row in found.rows
        ],
        "confusion": found.confusion,
    }


def _print(found: "Evaluation", which: str) -> None:
    import sys

    from rich.console import Console

    # Where there is no terminal, lines are as long as they have to be.
    console = Console(width=None if sys.stdout.isatty() else 10_000, highlight=False, markup=False)
    right = sum(row.correct for row in found.rows)
    console.print(f"{found.accuracy:.2%} right: {right} of {len(found.predicted)} {which}")
    console.print(f"mean loss {found.loss:.4f} nats\n")
    console.print(_classes(found))
    for headings in ([row.name for row in found.rows], [str(i) for i in range(len(found.rows))]):
        table = _matrix(found, headings)
        if Console(width=10_000).measure(table).maximum <= COLUMNS:
            console.print("\nCounts of images, the true class on the left, the answer on top:\n")
            console.print(table)
            return
    worst = _worst(found)
    if worst.row_count:
        console.print("\nThe most frequent mistakes:\n")
        console.print(worst)


def _classes(found: "Evaluation") -> "Table":
    table = _table("Class", "Images", "Recognised", "Recall", "Precision")
    for row in found.rows:
        shares = ("-" if share is None else f"{share:.1%}" for share in (row.recall, row.precision))
        _add(table, row.name, str(row.count), str(row.correct), *shares)
    return table


def _matrix(found: "Evaluation", headings: list[str]) -> "Table":
    """The confusion matrix; where the headings are numbers, they stand before the names too."""
    table = _table("", *headings, apart=1)
    for number, (row, counts) in enumerate(zip(found.rows, found.confusion, strict=True)):
        named = row.name == headings[number]
        cells = (str(count) if count else "." for count in counts)
        _add(table, row.name if named else f"{row.name} {number}", *cells)
    return table


def _worst(found: "Evaluation") -> "Table":
    from lithe.training.evaluate import most_confused

    table = _table("Class", "Images", "Mistakes", "Taken for")
    counts = {row.name: row.count for row in found.rows}
    for truth, answer, mistakes in most_confused(found, WORST):
        _add(table, truth, str(counts[truth]), str(mistakes), answer)
    return table


def _table(*headings: str, apart: int = 2) -> "Table":
    from rich.table import Column, Table
    from rich.text import Text

    # Text, because square brackets in a name are not markup.
    columns = [Column(Text(name), justify="right", no_wrap=True) for name in headings]
    columns[0].justify = "left"
    return Table(*columns, box=None, pad_edge=False, padding=(0, apart, 0, 0))


def _add(table: "Table", *cells: str) -> None:
    from rich.text import Text

    table.add_row(*(Text(cell) for cell in cells))
