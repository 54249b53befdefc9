"""An architecture by what someone typed: its name or label, and the options beside it."""

import re
from dataclasses import dataclass, fields

from lithe.arch.registry import ARCHITECTURES, architecture
from lithe.arch.rows import Architecture
from lithe.errors import LitheError

RESOLUTION, CLASSES, IN_CHANNELS = 224, 1000, 3  # where nothing else is asked for

_LABEL = re.compile(r"(?P<name>.+?)(?:_w(?P<width>\d+(?:\.\d+)?))?(?:_r(?P<resolution>\d+))?")


@dataclass(frozen=True, slots=True)
class TableOptions:
    """What may be said about a named table; None leaves the default."""

    width: float | None = None
    resolution: int | None = None
    classes: int | None = None
    in_channels: int | None = None
    paper_strides: bool = False

    @property
    def given(self) -> tuple[str, ...]:
        """The options that were given, as they are typed."""
        values = ((field.name, getattr(self, field.name)) for field in fields(self))
        names = (name for name, value in values if value is not None and value is not False)
        return tuple(f"--{name.replace('_', '-')}" for name in names)


def named(text: str, options: TableOptions | None = None) -> Architecture:
    """The table of a name, or of a label that lithe prints (`mobilenet_v2_w0.75_r192`).

    Raises:
        LitheError: an unknown name, a label and an option that contradict each other, or a
            table that cannot be built (see `lithe.arch.architecture`).

    >>> named("mobilenet_v2_w0.75_r192").label
    'mobilenet_v2_w0.75_r192'
    """
    options = options or TableOptions()
    name, width, resolution = text, options.width, options.resolution
    label = _LABEL.fullmatch(text)
    if text not in ARCHITECTURES and label is not None and _is_known(label["name"]):
        name = label["name"]
        if label["width"]:
            _agree(text, "--width", options.width, float(label["width"]))
            width = float(label["width"])
        if label["resolution"]:
            _agree(text, "--resolution", options.resolution, int(label["resolution"]))
            resolution = int(label["resolution"])
    return architecture(
        name,
        width=width,
        resolution=RESOLUTION if resolution is None else resolution,
        num_classes=CLASSES if options.classes is None else options.classes,
        in_channels=IN_CHANNELS if options.in_channels is None else options.in_channels,
        paper_strides=options.paper_strides,
    )


def _is_known(name: str) -> bool:
    """Whether a name is that of a table, with or without a structure behind it."""
    return name.partition("-")[0] in ARCHITECTURES


def check_no_options(text: str, options: TableOptions) -> None:
    """Make sure that no option of a named table was given with what is none.

    Raises:
        LitheError: one was given.
    """
    if options.given:
        raise LitheError(f"{options.given[0]} is for a named architecture, which {text} is not")


def _agree(text: str, option: str, given: float | None, said: float) -> None:
    if given not in (None, said):
        raise LitheError(f"{text} says {said:g} and {option} {given:g}; leave one of them out")
