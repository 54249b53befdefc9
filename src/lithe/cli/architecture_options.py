"""The options that turn a name into an architecture, the same for every command."""

from collections.abc import Callable
from typing import TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., object])

_OPTIONS = (
    click.option("--width", type=float, help="Width multiplier; the table's own by default."),
    click.option(
        "--resolution",
        type=int,
        default=224,
        show_default=True,
        help="Side of the input in pixels.",
    ),
    click.option(
        "--classes", type=int, default=1000, show_default=True, help="Outputs of the classifier."
    ),
    click.option(
        "--in-channels", type=int, default=3, show_default=True, help="Channels of the input image."
    ),
    click.option(
        "--paper-strides", is_flag=True, help="Keep the table's strides on small inputs too."
    ),
)


def architecture_options(command: Command) -> Command:
    """Add width, resolution, classes, in_channels and paper_strides to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
