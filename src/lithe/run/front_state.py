"""How far the making of a front is: `pareto.json`, beside the `run.json` of its search."""

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from lithe.errors import LitheError
from lithe.files import write_atomically
from lithe.search.shortlist import Candidate

FORMAT = 1
NAME = "pareto.json"
POINTS = 8


class Trained(Struct, frozen=True, forbid_unknown_fields=True):
    """A point whose full training is done."""

    accuracy: float
    loss: float


class FrontState(Struct, frozen=True, forbid_unknown_fields=True):
    """`points` are asked for; `chosen` are trained in full; `trained` is by label."""

    points: Annotated[int, Meta(ge=1)] = POINTS
    format: int = FORMAT
    chosen: tuple[Candidate, ...] = ()
    trained: dict[str, Trained] = {}


def write_front_state(folder: Path, state: FrontState) -> None:
    """Put the state on disk."""
    text = msgspec.json.format(msgspec.json.encode(state), indent=2)
    write_atomically(folder / NAME, text + b"\n")


def read_front_state(folder: Path) -> FrontState:
    """How far the front in a folder is.

    Raises:
        LitheError: no front there, or one that this version cannot read.
    """
    file = folder / NAME
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise LitheError(f"no front in {folder}: {file.name}: {error.strerror}") from None
    try:
        version = msgspec.json.decode(raw).get("format")
        if version != FORMAT:
            raise LitheError(f"{file} is of format {version}; this version reads {FORMAT}")
        return msgspec.json.decode(raw, type=FrontState)
    except (msgspec.MsgspecError, AttributeError) as error:
        raise LitheError(f"{file} cannot be read: {error}") from None
