"""`lithe train`: one named architecture, trained on your images."""

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
    from lithe.run.settings import Settings


@click.command()
@click.argument("name", required=False)
@click.argument("data", required=False)
@click.option("--width", type=float, help="Width multiplier; the paper's network if not given.")
@click.option("--resolution", type=int, default=224, help="Input side in pixels [224].")
@click.option(
    "--pretrained",
    is_flag=True,
    help="Start from timm's ImageNet weights, of this or the nearest width.",
)
@teacher_options(FULL_TRAINING)
@run_options
def command(
    name: str | None,
    data: str | None,
    width: float | None,
    resolution: int,
    pretrained: bool,
    **options: Unpack[TaughtOptions],
) -> int:
    """Train one named architecture on your images.

    NAME is one that `lithe show` prints; DATA is as for `lithe fit`.

    \b
        lithe train mobilenet_v2 photos/ --width 0.5 --resolution 160 --out runs/half
        lithe train mobilenet_v2 photos/ --teacher old.onnx --out runs/taught
        lithe train --resume runs/half
    """  # noqa: D301
    if name is not None and data is None and options["resume"] is None:
        raise LitheError("name the images too: lithe train NAME DATA --out FOLDER")

    def settings(data: str) -> "Settings":
        from lithe.arch import architecture

        return msgspec.structs.replace(
            taught_settings_of(data, options),
            table=architecture(name or "", width=width, resolution=resolution),
            pretrained=pretrained,
        )

    return execute(settings, data, options)
