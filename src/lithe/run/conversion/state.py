"""What a conversion was asked to do, and how far it is: `convert.json`."""

from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from lithe.nets.conversion.rows import Kind, Replacement
from lithe.run.settings import Machine, TeacherSettings
from lithe.run.state_file import read_state_file, write_state_file
from lithe.search.budget import Budget
from lithe.training.recipe import Recipe

FORMAT = 2
NAME = "convert.json"
CALIBRATION = 256  # images


class ConversionSettings(TeacherSettings, frozen=True, forbid_unknown_fields=True):
    """All that decides a conversion besides the images and the machine.

    `source` and `weights` are the trained network, `kinds` what takes the place of its
    layers. `layers` are patterns of names; without them layers are chosen by
    measured loss against measured saving. `size` is that of every replacement (see
    `Replacement`); without it sizes are chosen as well. `keep_accuracy` is the loss of
    accuracy, as a share, beyond which layers are left as they are. `calibration` images
    choose, refit and re-estimate. `epochs` 0: nothing is trained. Without a `teacher` the
    original network is the teacher.
    """

    source: str
    weights: str | None
    data: str
    kinds: Annotated[tuple[Kind, ...], Meta(min_length=1)]
    input_shape: tuple[int, ...] | None = None
    layers: tuple[str, ...] = ()
    size: Annotated[int, Meta(ge=1)] | None = None
    budget: Budget = Budget()
    keep_accuracy: Annotated[float, Meta(ge=0, le=1)] | None = None
    epochs: Annotated[int, Meta(ge=0)] | None = None
    batch_size: Annotated[int, Meta(ge=2)] | None = None
    learning_rate: Annotated[float, Meta(gt=0)] | None = None
    carry: bool = True
    refit: bool = True
    seed: int = 0
    threads: Annotated[int, Meta(ge=1)] | None = None
    workers: Annotated[int, Meta(ge=0)] | None = None
    calibration: Annotated[int, Meta(ge=2)] = CALIBRATION
    skip_bad_images: bool = False


class Option(Struct, frozen=True, forbid_unknown_fields=True):
    """What could stand in place of a layer, and what that would change.

    `loss` is by how many nats the loss on the calibration images rises when this is the only
    replacement; `seconds` are those of the replacement by itself in lithe's engine.
    """

    row: Replacement
    loss: float
    seconds: float
    macs: int


class LayerState(Struct, frozen=True, forbid_unknown_fields=True):
    """A layer of the original; without options, `reason` says why it stays."""

    layer: str
    macs: int
    seconds: float | None = None
    options: tuple[Option, ...] = ()
    reason: str = ""


class LayerError(Struct, frozen=True, forbid_unknown_fields=True):
    """How far a replaced layer's output is from the original's, after each step.

    Relative: the norm of the difference over the norm, on the calibration images. `refitted`
    is None where nothing was refitted.
    """

    carried: float
    refitted: float | None
    normed: float


class Round(Struct, frozen=True, forbid_unknown_fields=True):
    """A training with so many replacements: its accuracy on images kept aside."""

    replaced: int
    accuracy: float


class ConversionState(Struct, frozen=True, forbid_unknown_fields=True):
    """A conversion from start to end; fields fill up as it goes on.

    `base_s` and `base_macs` are of the original as a whole. `chosen` are all replacements
    that the budget calls for, in the order in which they are given up where `keep_accuracy`
    does not hold: the last first. `rows` are those that were made in the end. `metrics` are
    accuracies by name, `losses` those on the images set apart before and after the fine-tuning.
    """

    lithe: str
    command: str
    settings: ConversionSettings
    machine: Machine
    started: str
    format: int = FORMAT
    images: str = ""
    base_s: float | None = None
    base_macs: int | None = None
    layers: tuple[LayerState, ...] = ()
    measured: bool = False
    chosen: tuple[Replacement, ...] | None = None
    rounds: tuple[Round, ...] = ()
    rows: tuple[Replacement, ...] | None = None
    errors: dict[str, LayerError] = {}
    recipe: Recipe | None = None
    metrics: dict[str, float] = {}
    losses: tuple[float, float] | None = None
    finished: str = ""


def write_state(folder: Path, state: ConversionState) -> None:
    """Put the state on disk."""
    write_state_file(folder / NAME, state)


def read_conversion(folder: Path) -> ConversionState:
    """How far the conversion in a folder is.

    Raises:
        LitheError: no conversion there, or one that this version cannot read.
    """
    return read_state_file(folder / NAME, ConversionState, (FORMAT,), "conversion")
