"""`lithe fit`: images and a budget in, the most accurate network that fits out."""

from typing import TYPE_CHECKING, Unpack

import click

from lithe.cli.runs import RunOptions, execute, run_options
from lithe.errors import LitheError

if TYPE_CHECKING:
    from lithe.run.settings import Settings


@click.command()
@click.argument("data", required=False)
@click.option("--max-macs", help="Multiply-accumulates of one image, e.g. 2M.")
@click.option("--max-params", help="Parameters, e.g. 500k.")
@click.option("--max-activation", help="Peak of live activations of one image, e.g. 1MB.")
@click.option("--max-latency", help="Median time of one image on this machine, e.g. 5ms.")
@click.option("--front", type=click.Path(), help="Take a network of this finished front instead.")
@run_options
def command(
    data: str | None,
    max_macs: str | None,
    max_params: str | None,
    max_activation: str | None,
    max_latency: str | None,
    front: str | None,
    **options: Unpack[RunOptions],
) -> int:
    """Find and train the most accurate network within a budget.

    DATA is `digits` (embedded), a folder with one folder of images per class (or with
    train/ and val/ of such), or a dataset of torchvision such as `torchvision:CIFAR10`.

    \b
        lithe fit digits --max-macs 2M --out runs/digits
        lithe fit photos/ --max-latency 5ms --max-params 2M --out runs/photos
        lithe fit --resume runs/photos
        lithe fit photos/ --max-latency 4ms --front runs/front --out runs/fast
    """  # noqa: D301

    def settings(data: str) -> "Settings":
        from lithe.run.settings import Settings
        from lithe.search.budget import Budget, parse_budget

        budget = parse_budget(max_macs, max_params, max_activation, max_latency)
        if budget == Budget():
            raise LitheError(
                "name at least one limit: --max-macs, --max-params, "
                "--max-activation or --max-latency"
            )
        return Settings(
            data=data,
            budget=budget,
            epochs=options["epochs"],
            batch_size=options["batch_size"],
            learning_rate=options["learning_rate"],
            seed=options["seed"],
            threads=options["threads"],
            workers=options["workers"],
            runtime=options["runtime"],
            skip_bad_images=options["skip_bad_images"],
            front=front,
        )

    return execute(settings, data, options)
