"""How far the making of a front is: `pareto.json`, beside the `run.json` of its search."""

from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from lithe.run.state_file import read_state_file, write_state_file
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
    write_state_file(folder / NAME, state)


def read_front_state(folder: Path) -> FrontState:
    """How far the front in a folder is.

    Raises:
        LitheError: no front there, or one that this version cannot read.
    """
    return read_state_file(folder / NAME, FrontState, (FORMAT,), "front")
