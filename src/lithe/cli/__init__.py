"""The command line: one short file per command, imported when the command is used."""

import importlib
import os
import sys
from typing import Any, NoReturn

import click

from lithe import __version__
from lithe.errors import LitheError
from lithe.interrupt import remember_interrupts

# name -> (module, one line for `lithe --help`); each module holds a click command `command`.
COMMANDS: dict[str, tuple[str, str]] = {
    "show": ("lithe.cli.show", "Print an architecture as its paper does, with its cost."),
    "profile": ("lithe.cli.profile", "Show compute, memory and latency of any network."),
    "compare": ("lithe.cli.compare", "Put networks side by side: compute, memory, latency."),
    "inspect": ("lithe.cli.inspect", "Follow one block from the graph to machine instructions."),
    "reproduce": ("lithe.cli.reproduce", "Recount the papers' tables beside the printed figures."),
    "fit": ("lithe.cli.fit", "Find and train the most accurate network within a budget."),
    "pareto": ("lithe.cli.pareto", "Find and train networks for every part of a budget."),
    "train": ("lithe.cli.train", "Train one named architecture on your images."),
    "convert": ("lithe.cli.convert", "Make a trained network efficient, its weights carried over."),
    "predict": ("lithe.cli.predict", "Classify images with a trained model file."),
    "evaluate": ("lithe.cli.evaluate", "Measure a model file on labelled images."),
    "compile": ("lithe.cli.compile", "Make machine code of a model file for this processor."),
    "device": ("lithe.cli.device", "Measure what this machine can do, or show another."),
    "cache": ("lithe.cli.cache", "Show or clear what was compiled."),
    "bench": ("lithe.cli.bench", "Time lithe beside ONNX Runtime, OpenVINO, XNNPACK, PyTorch."),
}


class _Commands(click.Group):
    """Finds commands in `COMMANDS`, so that `lithe --help` imports none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(COMMANDS[cmd_name][0]).command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lithe")
def cli() -> None:
    """Design, train and measure efficient convolutional networks for a budget."""


def main(argv: list[str] | None = None) -> NoReturn:
    """Run a command line; errors that the user can mend are one line and exit code 2."""
    remember_interrupts()
    try:
        result: Any = cli.main(argv, standalone_mode=False)
        sys.exit(result if isinstance(result, int) else 0)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except LitheError as error:
        click.echo(f"lithe: {error}", err=True)
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("lithe: stopped", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # `lithe ... | head`: the reader has gone, which is no error of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
