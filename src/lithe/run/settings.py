"""What a run was asked to do, and how far it is: the contents of `run.json`."""

from typing import Annotated

from msgspec import Meta, Struct

from lithe.arch import Architecture
from lithe.nets.card import Preprocessing
from lithe.runtimes import DEFAULT, RuntimeName
from lithe.search.budget import Budget
from lithe.search.race import Standing
from lithe.search.shortlist import Candidate
from lithe.training.recipe import Recipe

FORMAT = 1


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """All that decides a run besides the images and the machine.

    With `table` that table is trained; without, the search finds one within `budget`.
    `table` gives family, width and resolution; classes and channels come from the images.
    """

    data: str
    budget: Budget = Budget()
    table: Architecture | None = None
    pretrained: bool = False
    seed: int = 0
    epochs: Annotated[int, Meta(ge=1)] | None = None
    batch_size: Annotated[int, Meta(ge=2)] | None = None
    learning_rate: Annotated[float, Meta(gt=0)] | None = None
    threads: Annotated[int, Meta(ge=1)] | None = None
    workers: Annotated[int, Meta(ge=0)] | None = None
    runtime: RuntimeName = DEFAULT
    skip_bad_images: bool = False


class Machine(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a run was made, as far as it can change the result."""

    cpu: str
    system: str
    python: str
    torch: str
    threads: int
    accelerator: str


class State(Struct, frozen=True, forbid_unknown_fields=True):
    """A run from start to end; fields fill up as it goes on.

    `images` is a fingerprint of the names and classes of the images; `winner` is the table
    that is trained in full; `metrics` are those of the finished model file.
    """

    lithe: str
    command: str
    settings: Settings
    machine: Machine
    started: str
    format: int = FORMAT
    images: str = ""
    candidates: tuple[Candidate, ...] = ()
    standings: dict[str, Standing] = {}
    winner: Architecture | None = None
    predicted: Candidate | None = None
    recipe: Recipe | None = None
    preprocessing: Preprocessing | None = None
    metrics: dict[str, float] = {}
    finished: str = ""
