"""`lithe convert`: a trained network in, an efficient one with its weights out."""

import json
import shlex
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import click

from lithe.cli.resume import check_nothing_besides_resume
from lithe.cli.teacher_options import TeacherOptions, distillation_of, teacher_options
from lithe.errors import LitheError
from lithe.interrupt import import_whole
from lithe.units import parse_shape

if TYPE_CHECKING:
    from lithe.nets.conversion.rows import Kind
    from lithe.run.conversion.convert import ConversionResult
    from lithe.run.conversion.state import ConversionSettings


@click.command()
@click.argument("source", required=False)
@click.option("--weights", type=click.Path(), help="Its trained weights, a .safetensors file.")
@click.option("--data", help="Labelled images: as DATA of `lithe fit`.")
@click.option(
    "--to",
    "kinds",
    multiple=True,
    type=click.Choice(["separable", "inverted-residual", "low-rank"]),
    help="What takes the place of layers [separable]; may be given several times.",
)
@click.option("--layers", multiple=True, metavar="PATTERN", help="Replace these, e.g. 'layer3.*'.")
@click.option("--size", type=click.IntRange(1), help="Filters per channel, expansion, or rank.")
@click.option("--max-latency", help="Median time of one image on this machine, e.g. 5ms.")
@click.option("--max-macs", help="Multiply-accumulates of one image, e.g. 200M.")
@click.option(
    "--keep-accuracy",
    type=click.FloatRange(0, 100),
    metavar="POINTS",
    help="Replace only as many layers as lose this much accuracy.",
)
@click.option("--input", "shape", metavar="1xCxHxW", help="Input, if not the network's own.")
@click.option("--epochs", type=click.IntRange(0), help="Of fine-tuning; 0 trains nothing.")
@click.option("--batch-size", type=click.IntRange(2), help="Images per step.")
@click.option(
    "--learning-rate", type=click.FloatRange(0, 100, min_open=True), help="Its highest [by trial]."
)
@teacher_options("the fine-tuning learns from instead of the original")
@click.option("--calibration", type=click.IntRange(2), help="Images to measure losses on [256].")
@click.option("--out", type=click.Path(), help="Folder for the result; new or empty.")
@click.option("--resume", type=click.Path(), help="Go on with the conversion in this folder.")
@click.option("--seed", type=click.IntRange(0), default=0, help="Of all that is random.")
@click.option("--threads", type=click.IntRange(1), help="Threads to train and measure with.")
@click.option("--workers", type=click.IntRange(0), help="Processes that decode images.")
@click.option("--skip-bad-images", is_flag=True, help="Leave out images that can't be read.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--quiet", is_flag=True, help="Say nothing on the way.")
def command(
    source: str | None,
    weights: str | None,
    data: str | None,
    kinds: "tuple[Kind, ...]",
    layers: tuple[str, ...],
    size: int | None,
    max_latency: str | None,
    max_macs: str | None,
    keep_accuracy: float | None,
    shape: str | None,
    epochs: int | None,
    batch_size: int | None,
    learning_rate: float | None,
    calibration: int | None,
    out: str | None,
    resume: str | None,
    seed: int,
    threads: int | None,
    workers: int | None,
    skip_bad_images: bool,
    as_json: bool,
    quiet: bool,
    **taught: Unpack[TeacherOptions],
) -> int:
    """Replace layers of a trained network by efficient ones.

    SOURCE is timm:NAME, torchvision:NAME or package.module:attribute, which runs that code
    of yours. Their weights are carried over, mended on images, and trained on with the
    original as the teacher, or that of --teacher. Which layers are replaced is decided by
    what each loses on the images and saves on this machine, or named by --layers.

    \b
        lithe convert timm:resnet18 --weights resnet18.safetensors \\
            --data photos/ --out runs/converted
        lithe convert mypackage.models:net --to inverted-residual \\
            --max-latency 5ms --data photos/ --out runs/converted
        lithe convert --resume runs/converted
    """  # noqa: D301
    if resume is not None:
        check_nothing_besides_resume()
    elif source is None or out is None:
        raise LitheError(
            "name the network, --data and --out FOLDER for a new conversion, or only "
            "--resume FOLDER"
        )
    elif data is None:
        raise LitheError("name labelled images by --data: losses are measured on them")
    import_whole("torch")
    from lithe.progress import Progress

    progress = Progress(quiet=quiet or as_json)
    folder = resume or out or ""

    def settings() -> "ConversionSettings":
        from lithe.run.conversion.state import CALIBRATION, ConversionSettings
        from lithe.search.budget import parse_budget

        return ConversionSettings(
            source=source or "",
            weights=weights,
            data=data or "",
            kinds=tuple(dict.fromkeys(kinds)) or ("separable",),
            input_shape=parse_shape(shape) if shape else None,
            layers=layers,
            size=size,
            budget=parse_budget(max_macs=max_macs, max_latency=max_latency),
            keep_accuracy=None if keep_accuracy is None else keep_accuracy / 100,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            teacher=taught["teacher"],
            teacher_weights=taught["teacher_weights"],
            distillation=distillation_of(taught),
            seed=seed,
            threads=threads,
            workers=workers,
            calibration=calibration or CALIBRATION,
            skip_bad_images=skip_bad_images,
        )

    try:
        # What a network's own code prints is no result.
        with redirect_stdout(sys.stderr):
            from lithe.run.conversion.convert import resume_conversion, start_conversion

            if resume is not None:
                result = resume_conversion(Path(folder), progress)
            else:
                said = shlex.join(["lithe", *sys.argv[1:]])
                result = start_conversion(settings(), Path(folder), said, progress)
    except KeyboardInterrupt:
        begun = (Path(folder) / "convert.json").exists()
        how = f"; go on with: lithe convert --resume {shlex.quote(folder)}" if begun else ""
        click.echo(f"lithe: stopped{how}", err=True)
        return 130
    _show(result, as_json)
    return 0 if all(limit.holds for limit in result.rows.limits) else 1


def _show(result: "ConversionResult", as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(_summary(result), indent=2))
        return
    from lithe.report.conversion_text import conversion_text
    from lithe.report.terminal import render

    files = (("Model", str(result.model)), ("Page", str(result.report)))
    click.echo(render(conversion_text(result.rows, files)), nl=False)


def _summary(result: "ConversionResult") -> dict[str, Any]:
    rows = result.rows
    return {
        "accuracy": dict(rows.steps),
        "latency_s": {"before": rows.before_s, "after": rows.after_s},
        "macs": {"before": rows.before_macs, "after": rows.after_macs},
        "limits": [
            {
                "limit": limit.name,
                "asked": limit.asked,
                "measured": limit.measured,
                "holds": limit.holds,
            }
            for limit in rows.limits
        ],
        "layers": [
            {
                "layer": row.layer,
                "became": row.became or None,
                "reason": row.reason or None,
                "macs": row.macs,
                "macs_after": row.macs_after,
                "seconds": row.seconds,
                "seconds_after": row.seconds_after,
                "eager_seconds": row.eager_seconds,
                "eager_seconds_after": row.eager_seconds_after,
                "loss": row.loss,
                "error_carried": row.carried,
                "error_refitted": row.refitted,
                "error_normed": row.normed,
            }
            for row in rows.layers
        ],
        "layer_threads": dict(zip(("lithe", "eager"), rows.layer_threads, strict=True)),
        "would_save_s": dict(rows.what_would),
        "model": str(result.model),
        "report": str(result.report),
    }
