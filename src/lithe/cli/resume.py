"""What `--resume FOLDER` goes with: what was asked for at first is in the folder."""

import click
from click.core import ParameterSource

from lithe.errors import LitheError

_GOES_WITH_IT = ("resume", "quiet", "as_json")  # of a command that goes on


def check_nothing_besides_resume() -> None:
    """Make sure that the command that is running was given nothing that it would not heed.

    Raises:
        LitheError: it was; the options and arguments are named.
    """
    context = click.get_current_context()
    given = [
        parameter.opts[0] if isinstance(parameter, click.Option) else parameter.human_readable_name
        for parameter in context.command.params
        if parameter.name is not None
        and parameter.name not in _GOES_WITH_IT
        and context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE
    ]
    if given:
        raise LitheError(
            f"--resume goes on with the settings it began with: leave out {', '.join(given)}"
        )
