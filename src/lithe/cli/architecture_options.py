"""The options that turn a name into an architecture, the same for every command."""

from collections.abc import Callable
from typing import TypeVar

import click

from lithe.arch.named import CLASSES, IN_CHANNELS, RESOLUTION, TableOptions

Command = TypeVar("Command", bound=Callable[..., object])

_KEPT = "lithe.table_options"  # in the context of a command


def _keep(context: click.Context, option: click.Parameter, value: object) -> None:
    context.meta.setdefault(_KEPT, {})[option.name] = value


_OPTIONS = (
    click.option(
        "--width",
        type=float,
        help="Width multiplier; the table's own by default.",
        expose_value=False,
        callback=_keep,
    ),
    click.option(
        "--resolution",
        type=int,
        help=f"Side of the input in pixels; {RESOLUTION} by default.",
        expose_value=False,
        callback=_keep,
    ),
    click.option(
        "--classes",
        type=int,
        help=f"Outputs of the classifier; {CLASSES} by default.",
        expose_value=False,
        callback=_keep,
    ),
    click.option(
        "--in-channels",
        type=int,
        help=f"Channels of the input image; {IN_CHANNELS} by default.",
        expose_value=False,
        callback=_keep,
    ),
    click.option(
        "--paper-strides",
        is_flag=True,
        help="Keep the table's strides on small inputs too.",
        expose_value=False,
        callback=_keep,
    ),
)


def architecture_options(command: Command) -> Command:
    """Add --width, --resolution, --classes, --in-channels and --paper-strides to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def table_options() -> TableOptions:
    """What the running command was given of those options."""
    return TableOptions(**click.get_current_context().meta[_KEPT])
