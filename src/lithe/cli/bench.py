"""`lithe bench`: this engine beside what a user would pick instead."""

from pathlib import Path

import click


@click.command(name="bench")
@click.argument("networks", nargs=-1, metavar="[NETWORK]...")
@click.option(
    "--against", default="all", show_default=True, help="Rivals: all, or names with commas."
)
@click.option("--resolution", "resolutions", multiple=True, type=int, help="Pixels; 224.")
@click.option("--batch", "batches", multiple=True, type=int, help="Images in one run; 1.")
@click.option("--threads", multiple=True, type=int, help="1, and as many as there are cores.")
@click.option("--rounds", type=click.IntRange(min=3), help="Turns of every engine; 12.")
@click.option("--memory", is_flag=True, help="Resident memory instead of time.")
@click.option("--compile-time", is_flag=True, help="Time of lithe.compile instead of its runs.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Keep the rows here.")
@click.option("--quiet", is_flag=True, help="Do not say on stderr how far it is.")
def command(
    networks: tuple[str, ...],
    against: str,
    resolutions: tuple[int, ...],
    batches: tuple[int, ...],
    threads: tuple[int, ...],
    rounds: int | None,
    memory: bool,
    compile_time: bool,
    out: Path | None,
    quiet: bool,
) -> None:
    """Time lithe and its rivals side by side, each in a process of its own.

    Every engine shows first that its logits are those of PyTorch in float64. Options with a
    number may be repeated. NETWORK is mobilenet_v2 unless others are named.

    \b
        lithe bench mobilenet_v2 --against all
        lithe bench timm:efficientnet_lite1 --against onnxruntime,openvino --batch 8
        lithe bench mobilenet_v2 --memory

    Nothing else should run on the machine meanwhile.
    """  # noqa: D301
    import dataclasses

    from lithe.bench.cells import cells
    from lithe.bench.compile_time import compile_times
    from lithe.bench.cores import physical_cores
    from lithe.bench.engines import chosen
    from lithe.bench.measure import measure
    from lithe.bench.memory import memory_of
    from lithe.bench.rounds import QUICK
    from lithe.bench.rows import Results, Row, conditions, write_results
    from lithe.bench.text import cell_text, compile_text, memory_text
    from lithe.progress import Progress
    from lithe.report.terminal import render

    if memory and compile_time:
        raise click.UsageError("--memory and --compile-time exclude each other")
    names = networks or ("mobilenet_v2",)
    every = tuple(dict.fromkeys((1, len(physical_cores()) or 1)))
    engines = chosen(against)
    asked = cells(names, resolutions or (224,), batches or (1,), threads or every)
    progress = Progress(quiet)
    results = Results(conditions())
    if memory:
        found = memory_of(asked[0], engines, progress)
        results = Results(results.conditions, memory=found)
        click.echo(render(memory_text(found)), nl=False)
    elif compile_time:
        timed = compile_times(asked[:1], progress)
        results = Results(results.conditions, compile_time=timed)
        click.echo(render(compile_text(timed)), nl=False)
    else:
        effort = dataclasses.replace(QUICK, rounds=rounds) if rounds else QUICK
        rows: list[Row] = []
        for number, cell in enumerate(measure(asked, engines, effort, progress)):
            click.echo(("\n" if number else "") + render(cell_text(cell)), nl=False)
            rows += cell
        results = Results(results.conditions, rows=tuple(rows))
    if out is not None:
        write_results(out, results)
