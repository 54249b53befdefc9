"""What `lithe fit` and `lithe train` share: options, and how a run ends."""

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

import click

from lithe.cli.resume import check_nothing_besides_resume
from lithe.errors import LitheError
from lithe.runtimes import DEFAULT, RUNTIMES, RuntimeName

if TYPE_CHECKING:
    from lithe.run.run import Result
    from lithe.run.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])


class RunOptions(TypedDict):
    """The shared options as click hands them over."""

    out: str | None
    resume: str | None
    epochs: int | None
    batch_size: int | None
    learning_rate: float | None
    seed: int
    threads: int | None
    workers: int | None
    runtime: RuntimeName
    skip_bad_images: bool
    as_json: bool
    quiet: bool


_OPTIONS = (
    click.option("--out", type=click.Path(), help="Folder for the run; new or empty."),
    click.option("--resume", type=click.Path(), help="Go on with the run in this folder."),
    click.option("--epochs", type=click.IntRange(1), help="Epochs of the full training."),
    click.option("--batch-size", type=click.IntRange(2), help="Images per step and process."),
    click.option(
        "--learning-rate", type=click.FloatRange(0, 100, min_open=True), help="Its highest value."
    ),
    click.option("--seed", type=click.IntRange(0), default=0, help="Of all that is random."),
    click.option("--threads", type=click.IntRange(1), help="Threads to train and measure with."),
    click.option("--workers", type=click.IntRange(0), help="Processes that decode images."),
    click.option(
        "--runtime",
        type=click.Choice(list(RUNTIMES)),
        default=DEFAULT,
        help=f"What latency is measured in: lithe's engine, or eager PyTorch [{DEFAULT}].",
    ),
    click.option("--skip-bad-images", is_flag=True, help="Leave out images that can't be read."),
    click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
    click.option("--quiet", is_flag=True, help="Say nothing on the way."),
)


def run_options(function: F) -> F:
    """Give a command the shared options."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def settings_of(data: str, options: RunOptions) -> "Settings":
    """What the shared options say; each command adds its own."""
    from lithe.run.settings import Settings

    return Settings(
        data=data,
        epochs=options["epochs"],
        batch_size=options["batch_size"],
        learning_rate=options["learning_rate"],
        seed=options["seed"],
        threads=options["threads"],
        workers=options["workers"],
        runtime=options["runtime"],
        skip_bad_images=options["skip_bad_images"],
    )


def execute(settings: "Callable[[str], Settings]", data: str | None, options: RunOptions) -> int:
    """Start or resume a run, print how it ended, and return the exit code.

    0: done; 1: done, but a limit did not hold when it was measured again; 130: stopped.

    Raises:
        LitheError: contradictory options, and whatever the run raises.
    """
    resume, out = options["resume"], options["out"]
    if resume is not None:
        check_nothing_besides_resume()
    elif data is None or out is None:
        raise LitheError("name the images and --out FOLDER for a new run, or only --resume FOLDER")
    from lithe.progress import Progress
    from lithe.run.run import resume_run, start_run

    progress = Progress(quiet=options["quiet"] or options["as_json"])
    folder = resume or out or ""
    try:
        if resume is not None or data is None:
            result = resume_run(Path(folder), progress)
        else:
            command = shlex.join(["lithe", *sys.argv[1:]])
            result = start_run(settings(data), Path(folder), command, progress)
    except KeyboardInterrupt:
        click.echo(
            f"lithe: stopped; go on with: lithe fit --resume {shlex.quote(folder)}", err=True
        )
        return 130
    if result.rank == 0:
        _show(result, options["as_json"])
    return 0 if all(limit.holds for limit in result.rows.limits) else 1


def _show(result: "Result", as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(_summary(result), indent=2))
        return
    from lithe.report.summary import summary
    from lithe.report.terminal import render

    files = (("Model", str(result.model)), ("Page", str(result.report)))
    click.echo(render(summary(result.rows, files)), nl=False)


def _summary(result: "Result") -> dict[str, Any]:
    rows = result.rows
    networks = {
        role: {
            "label": network.label,
            "macs": network.macs,
            "params": network.params,
            "peak_activation_bytes": network.peak_activation_bytes,
            "latency_s": network.latency_s,
            "runtime": network.runtime,
            "threads": network.threads,
        }
        for role, network in (("chosen", rows.chosen), ("standard_twin", rows.twin))
    }
    limits = [
        {
            "limit": limit.name,
            "asked": limit.asked,
            "predicted": limit.predicted,
            "measured": limit.measured,
            "holds": limit.holds,
            "judged_by": "prediction" if limit.by_prediction else "measurement",
        }
        for limit in rows.limits
    ]
    tried = [
        {
            "label": row.label,
            "predicted_s": row.predicted_s,
            "measured_s": row.measured_s,
            "measured_p80_s": row.measured_p80_s,
            "holds": row.holds,
            "accuracy": row.accuracy,
        }
        for row in rows.attempts
    ]
    return {
        "accuracy": rows.accuracy,
        **networks,
        "limits": limits,
        "timed_before_training": tried,
        "machine_slower_by": rows.slower_by,
        "model": str(result.model),
        "report": str(result.report),
    }
