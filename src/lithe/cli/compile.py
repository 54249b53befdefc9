"""`lithe compile`: a network into machine code, kept for whoever loads it next."""

from pathlib import Path

import click

from lithe.cli.own_network import network_option, opened
from lithe.units import parse_shape


@click.command(name="compile")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--input", "shape", metavar="NxCxHxW", help="Shape of the input, if not the model's.")
@click.option("--threads", type=click.IntRange(min=1), help="Threads of one call.")
@click.option("--target", help="Instruction set: avx512, avx2, baseline or neon; the best here.")
@click.option("--tune", is_flag=True, help="Choose the blocks' schedules by running them.")
@click.option("--cache", type=click.Path(path_type=Path), help="Folder to keep it in.")
@network_option
@click.option("--show", is_flag=True, help="Print every step and why it is as it is.")
def command(
    model: Path,
    shape: str | None,
    threads: int | None,
    target: str | None,
    tune: bool,
    cache: Path | None,
    network: str | None,
    show: bool,
) -> None:
    """Compile a network for this processor and keep the result.

    MODEL is a model.safetensors or an ONNX file. Afterwards `lithe.compile` of the same
    network loads what is kept.

    \b
        lithe compile runs/photos/model.safetensors
        lithe compile model.onnx --target avx2 --show
    """  # noqa: D301
    from time import perf_counter

    from lithe.engine.compile import compile

    start = perf_counter()
    compiled = compile(
        opened(model, network),
        None if shape is None else parse_shape(shape),
        threads=threads,
        target=target,
        tune=tune,
        cache=cache,
    )
    seconds = perf_counter() - start
    shapes = ", ".join(" x ".join(map(str, one)) for one in compiled.input_shapes)
    steps = len(compiled.schedule.steps)
    click.echo(f"{model}: input {shapes}, {compiled.target}, threads: {compiled.threads}")
    click.echo(f"compiled in {seconds:.2f} s: {steps} steps")
    click.echo(
        f"weights {compiled.weight_bytes:,} bytes, "
        f"activations at the peak {compiled.peak_activation_bytes:,} bytes"
    )
    if show:
        click.echo(f"\n{compiled.schedule}")
