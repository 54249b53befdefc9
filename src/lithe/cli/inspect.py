"""`lithe inspect`: one block of a network, from the graph to the machine instructions."""

from pathlib import Path

import click

from lithe.cli.architecture_options import architecture_options, table_options

STAGES = ("graph", "passes", "schedule", "memory", "ir", "assembly", "time")


@click.command(name="inspect")
@click.argument("name", metavar="NAME|FILE")
@architecture_options
@click.option("--block", required=True, help="Number of a table's block, or a module's path.")
@click.option(
    "--stage",
    "stages",
    multiple=True,
    type=click.Choice(STAGES),
    help="What to print; all but time by default.",
)
@click.option("--target", help="Instruction set: avx512, avx2, baseline, neon; the best here.")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--function", default="", help="Function whose loop is printed; the first one.")
@click.option("--whole", is_flag=True, help="Print all IR or assembly of the kernel.")
def command(
    name: str,
    block: str,
    stages: tuple[str, ...],
    target: str | None,
    threads: int,
    function: str,
    whole: bool,
) -> None:
    """Follow one block of a network through the engine.

    NAME is an architecture, for which no weights are needed; FILE is a model file. The stages
    are those of the engine: nodes of the graph, what the passes leave of them, the kernels
    chosen, where they keep what, their innermost loop as LLVM IR and as instructions, and the
    time of it, which only a target that runs here has.

    \b
        lithe inspect mobilenet_v2 --block 3
        lithe inspect mobilenet_v2 --block 3 --stage assembly --target neon
    """  # noqa: D301
    from lithe.arch.named import check_no_options, named
    from lithe.engine.isa import INSTRUCTION_SETS
    from lithe.engine.llvm import assembly
    from lithe.engine.one_block import loop_of, measure, one_block, without_weights
    from lithe.engine.source import model_from
    from lithe.engine.target import instruction_set
    from lithe.report import one_block_text as text
    from lithe.report.terminal import render

    if whole and stages not in (("ir",), ("assembly",)):
        raise click.UsageError("--whole needs one --stage, ir or assembly")
    # Code may be looked at on a machine that cannot run it.
    isa = INSTRUCTION_SETS.get(target or "") or instruction_set(target)
    path = Path(name)
    if path.suffix in (".onnx", ".safetensors") or path.is_file():
        check_no_options(name, table_options())
        model = model_from(path, None)
    else:
        model = without_weights(named(name, table_options()))
    chosen = one_block(model, f"blocks.{block}" if block.isdigit() else block, isa, threads)
    if whole:
        kernel, _ = loop_of(chosen, function)
        is_ir = stages == ("ir",)
        click.echo(kernel.ir if is_ir else assembly(kernel.ir, isa, comments=True), nl=False)
        return
    printed = []
    for stage in stages or STAGES[:-1]:
        match stage:
            case "graph":
                printed.append(text.graph_text(chosen))
            case "passes":
                printed.append(text.passes_text(chosen))
            case "schedule":
                printed.append(text.schedule_text(chosen))
            case "memory":
                printed.append(text.memory_text(chosen))
            case "ir":
                printed.append(text.ir_text(chosen, function))
            case "assembly":
                printed.append(text.assembly_text(chosen, function))
            case _:
                from lithe.engine.cache import Cache

                instruction_set(isa.name)
                times, peak = measure(chosen, threads, Cache())
                printed.append(text.time_text(chosen, times, peak, threads))
    click.echo("\n".join(render(part) for part in printed), nl=False)
