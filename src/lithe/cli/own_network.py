"""`--network`: a converted network of one's own code, for commands that take its file."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from torch import nn

network_option = click.option(
    "--network",
    metavar="MODULE:NAME",
    help="The code of yours that the file's network was converted from; it is run.",
)


def opened(file: str | Path, network: str | None) -> "nn.Module | str | Path":
    """The file as it is, or its network if the code is named that builds the original.

    Raises:
        LitheError: as `lithe.load` and `lithe.nets.user_code.from_user_code`.
    """
    if network is None:
        return file
    from lithe.nets.load import load
    from lithe.nets.user_code import from_user_code

    return load(file, from_user_code(network))
