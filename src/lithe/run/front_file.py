"""A finished front on disk: `front.json` beside the networks that it lists."""

from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from lithe.arch import Architecture
from lithe.errors import LitheError
from lithe.latency_table.values import Predicted
from lithe.profiling.latency import Latency
from lithe.run.settings import Machine
from lithe.run.state_file import read_state_file, write_state_file
from lithe.search.budget import Budget
from lithe.search.price import Price

FORMAT = 1
NAME = "front.json"
NETWORKS = "networks"

# One name inside the folder: a front from elsewhere must not point at other files.
ModelName = Annotated[str, Meta(pattern=r"^networks/[A-Za-z0-9_][A-Za-z0-9_.\-]*\.safetensors$")]
Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=1)]


class FrontPoint(Struct, frozen=True, forbid_unknown_fields=True):
    """One network of a front: its table, its file, what it gives and what it takes.

    `accuracy` is the share of right answers on the held-out images after the full
    training, `loss` their cross entropy in nats; `latency` was measured on the saved file
    on the front's machine, `predicted` before anything was compiled, where it was.
    `dominated`: after the full training another point is better in everything.
    """

    label: Annotated[str, Meta(min_length=1, max_length=200)]
    arch: Architecture
    file: ModelName
    accuracy: Share
    loss: float
    macs: Count
    params: Count
    peak_activation_bytes: Count
    latency: Latency | None = None
    predicted: Predicted | None = None
    dominated: bool = False

    @property
    def price(self) -> Price:
        """What the network takes, with the latency that was measured."""
        return Price(self.macs, self.params, self.peak_activation_bytes, self.latency)


class Front(Struct, frozen=True, forbid_unknown_fields=True):
    """All points of a front and how they came about; contents of `front.json`.

    `images` is the fingerprint of the names and classes of the images, as in a run's
    state; `held_out` is how many of them the accuracies speak of. Points stand by rising
    MACs.
    """

    lithe: str
    command: str
    data: str
    classes: Annotated[tuple[str, ...], Meta(min_length=2)]
    images: str
    held_out: Count
    seed: int
    budget: Budget
    machine: Machine
    points: Annotated[tuple[FrontPoint, ...], Meta(min_length=1)]
    finished: str
    format: int = FORMAT


def write_front(folder: Path, front: Front) -> None:
    """Put the front into its folder."""
    write_state_file(folder / NAME, front)


def read_front(folder: Path) -> Front:
    """The front in a folder.

    Raises:
        LitheError: no front there, one that is not finished, or one that this version
            cannot read.
    """
    if not (folder / NAME).exists():
        if (folder / "pareto.json").exists():
            raise LitheError(
                f"the front in {folder} is not finished; go on with: lithe pareto --resume {folder}"
            )
        raise LitheError(f"no front in {folder}: no {NAME}; make one with lithe pareto")
    return read_state_file(folder / NAME, Front, (FORMAT,), "front")
