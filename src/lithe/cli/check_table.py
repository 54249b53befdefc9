"""`lithe device --check N`: random networks predicted, then measured."""

import json
from pathlib import Path

import click

SIDE = 224  # pixels of the images that the networks would be for: all resolutions occur


def check_table(
    count: int, threads: int, seed: int, out: Path | None, as_json: bool, quiet: bool
) -> None:
    """Fill the table where it is not, check it, and print how far off it is."""
    from lithe.engine.target import instruction_set
    from lithe.files import write_atomically
    from lithe.latency_table.check import check, summary
    from lithe.latency_table.predictors import MachinePredictor, runs_on
    from lithe.latency_table.store import open_table
    from lithe.progress import Progress
    from lithe.report.check_text import check_text
    from lithe.report.terminal import render
    from lithe.search.space import random_tables

    progress, table = Progress(quiet), open_table()
    predictor = MachinePredictor(threads, table=table, progress=progress).at(threads)
    known = {times.arch for times in predictor.networks}
    on_all = runs_on(threads)
    archs = random_tables(SIDE, count, seed, lambda arch: arch not in known and on_all(arch))
    checked = check(predictor, archs, instruction_set(), table, progress=progress)
    error, context = summary(checked), predictor.context
    rows = {
        "machine": context.cpu,
        "threads": threads,
        "networks_in_table": len(predictor.networks),
        "checked": error.networks,
        "median_error": error.median,
        "p90_error": error.p90,
        "worst_error": error.worst,
        "networks": [
            {
                "label": each.arch.label,
                "predicted_s": each.predicted_s,
                "measured_s": each.measured_s,
                "looked_up": each.looked_up,
                "disturbed": each.disturbed,
            }
            for each in checked
        ],
    }
    text = json.dumps(rows, indent=2) + "\n"
    if out is not None:
        write_atomically(out, text.encode())
    if as_json:
        click.echo(text, nl=False)
    else:
        click.echo(
            render(check_text(checked, context.cpu, threads, len(predictor.networks))), nl=False
        )
