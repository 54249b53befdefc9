"""`lithe pareto`: images and a budget in, networks for every part of it out."""

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import click
import msgspec

from lithe.cli.resume import check_nothing_besides_resume
from lithe.cli.runs import RunOptions, run_options, settings_of
from lithe.errors import LitheError

if TYPE_CHECKING:
    from lithe.run.pareto import FrontResult
    from lithe.run.settings import Settings


@click.command()
@click.argument("data", required=False)
@click.option("--max-macs", help="Most multiply-accumulates of one image, e.g. 20M.")
@click.option("--max-params", help="Most parameters, e.g. 2M.")
@click.option("--max-activation", help="Highest peak of live activations, e.g. 2MB.")
@click.option("--max-latency", help="Longest median time of one image on this machine, e.g. 10ms.")
@click.option("--points", type=click.IntRange(1), default=8, help="Networks, at most [8].")
@click.option("--trials", type=click.IntRange(1), help="Networks to compare by short trainings.")
@click.option("--parallel", type=click.IntRange(1), help="Short trainings side by side.")
@click.option("--cluster", help="Address of a Ray cluster to train them on.")
@click.option("--store", help="URL of the trials' store for Optuna; a file in the front's folder.")
@run_options
def command(
    data: str | None,
    max_macs: str | None,
    max_params: str | None,
    max_activation: str | None,
    max_latency: str | None,
    points: int,
    trials: int | None,
    parallel: int | None,
    cluster: str | None,
    store: str | None,
    **options: Unpack[RunOptions],
) -> int:
    """Find and train the front of accuracy against cost, up to a budget.

    A network for every part of the budget, each in a file of its own, and a page to choose
    from. `lithe fit --front` takes one for a smaller budget without training again. DATA is
    as for `lithe fit`.

    \b
        lithe pareto photos/ --max-latency 10ms --out runs/front
        lithe pareto --resume runs/front
        lithe fit photos/ --max-latency 4ms --front runs/front --out runs/photos
    """  # noqa: D301
    resume, out = options["resume"], options["out"]
    if resume is not None:
        check_nothing_besides_resume()
    elif data is None or out is None:
        raise LitheError(
            "name the images and --out FOLDER for a new front, or only --resume FOLDER"
        )
    from lithe.progress import Progress
    from lithe.run.pareto import resume_pareto, start_pareto

    progress = Progress(quiet=options["quiet"] or options["as_json"])
    folder = resume or out or ""
    try:
        if data is None:
            result = resume_pareto(Path(folder), progress)
        else:
            limits = max_macs, max_params, max_activation, max_latency
            settings = msgspec.structs.replace(
                _settings(data, limits, options),
                trials=trials,
                parallel=parallel,
                cluster=cluster,
                store=store,
            )
            words = shlex.join(["lithe", *sys.argv[1:]])
            result = start_pareto(settings, points, Path(folder), words, progress)
    except KeyboardInterrupt:
        click.echo(
            f"lithe: stopped; go on with: lithe pareto --resume {shlex.quote(folder)}", err=True
        )
        return 130
    _show(result, options["as_json"])
    return 0 if result.holds else 1


def _settings(
    data: str,
    limits: tuple[str | None, str | None, str | None, str | None],
    options: RunOptions,
) -> "Settings":
    from lithe.search.budget import Budget, parse_budget

    budget = parse_budget(*limits)
    if budget == Budget():
        raise LitheError(
            "name at least one limit that the front goes up to: --max-latency, --max-macs, "
            "--max-activation or --max-params"
        )
    return msgspec.structs.replace(settings_of(data, options), budget=budget)


def _show(result: "FrontResult", as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(_values(result), indent=2))
        return
    from lithe.report.front_text import front_text
    from lithe.report.terminal import render

    files = (("Networks", str(result.out / "networks")), ("Page", str(result.page)))
    click.echo(render(front_text(result.rows, files)), nl=False)


def _values(result: "FrontResult") -> dict[str, Any]:
    limit = result.front.budget.max_latency_s
    points = [
        {
            "label": point.label,
            "accuracy": point.accuracy,
            "macs": point.macs,
            "params": point.params,
            "peak_activation_bytes": point.peak_activation_bytes,
            "latency_s": point.latency.p50_s if point.latency else None,
            "predicted_s": point.predicted.seconds if point.predicted else None,
            "threads": point.latency.threads if point.latency else None,
            "runtime": point.latency.runtime if point.latency else None,
            "dominated": point.dominated,
            "holds": limit is None or point.latency is None or point.latency.p50_s <= limit,
            "model": str(result.out / point.file),
        }
        for point in result.front.points
    ]
    return {"points": points, "front": str(result.out / "front.json"), "page": str(result.page)}
