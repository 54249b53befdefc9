"""`lithe fit`: images and a budget in, the most accurate network that fits out."""

from typing import TYPE_CHECKING, Unpack

import click
import msgspec

from lithe.cli.runs import execute, run_options
from lithe.cli.teacher_options import (
    FULL_TRAINING,
    TaughtOptions,
    taught_settings_of,
    teacher_options,
)
from lithe.errors import LitheError

if TYPE_CHECKING:
    from lithe.run.settings import SearchName, Settings


@click.command()
@click.argument("data", required=False)
@click.option("--max-macs", help="Multiply-accumulates of one image, e.g. 2M.")
@click.option("--max-params", help="Parameters, e.g. 500k.")
@click.option("--max-activation", help="Peak of live activations of one image, e.g. 1MB.")
@click.option("--max-latency", help="Median time of one image on this machine, e.g. 5ms.")
@click.option(
    "--device",
    type=click.Path(),
    help="Predict latency for the machine of this `lithe device` file instead.",
)
@click.option(
    "--search",
    type=click.Choice(["space", "grid"]),
    help="The papers' structures at all widths and resolutions, or all structures [grid].",
)
@click.option("--trials", type=click.IntRange(1), help="Networks to compare by short trainings.")
@click.option("--parallel", type=click.IntRange(1), help="Short trainings side by side.")
@click.option("--cluster", help="Address of a Ray cluster to train them on.")
@click.option("--store", help="URL of the trials' store for Optuna; a file in the run's folder.")
@click.option("--front", type=click.Path(), help="Take a network of this finished front instead.")
@click.option(
    "--pretrained",
    is_flag=True,
    help="Start every training from timm's ImageNet weights of the nearest width.",
)
@teacher_options(FULL_TRAINING)
@run_options
def command(
    data: str | None,
    max_macs: str | None,
    max_params: str | None,
    max_activation: str | None,
    max_latency: str | None,
    device: str | None,
    search: "SearchName | None",
    trials: int | None,
    parallel: int | None,
    cluster: str | None,
    store: str | None,
    front: str | None,
    pretrained: bool,
    **options: Unpack[TaughtOptions],
) -> int:
    """Find and train the most accurate network within a budget.

    DATA is `digits` (embedded), a folder with one folder of images per class (or with
    train/ and val/ of such), or a dataset of torchvision such as `torchvision:CIFAR10`.

    \b
        lithe fit digits --max-macs 2M --out runs/digits
        lithe fit photos/ --max-latency 5ms --max-params 2M --out runs/photos
        lithe fit photos/ --max-latency 5ms --device board.json --out runs/board
        lithe fit photos/ --max-latency 5ms --pretrained --out runs/tuned
        lithe fit --resume runs/photos
        lithe fit photos/ --max-latency 4ms --front runs/front --out runs/fast
    """  # noqa: D301

    def settings(data: str) -> "Settings":
        from lithe.search.budget import Budget, parse_budget

        budget = parse_budget(max_macs, max_params, max_activation, max_latency)
        if budget == Budget():
            raise LitheError(
                "name at least one limit: --max-macs, --max-params, "
                "--max-activation or --max-latency"
            )
        return msgspec.structs.replace(
            taught_settings_of(data, options),
            budget=budget,
            pretrained=pretrained,
            search=search,
            trials=trials,
            parallel=parallel,
            cluster=cluster,
            store=store,
            device=device,
            front=front,
        )

    return execute(settings, data, options)
