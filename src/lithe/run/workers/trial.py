"""One trial of a search: a network trained a little, the same wherever it is done.

A trial's network, images, order of batches and distortions follow from the task and the work
alone, and its state is on disk after each epoch. So a trial may begin in one process, end in
another and give the same figures, bit for bit on processors of one kind.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import torch
from lightning_fabric import Fabric
from torch import Tensor

from lithe.arch import Architecture
from lithe.errors import LitheError
from lithe.nets.build import Network
from lithe.nets.pretrained import load_pretrained
from lithe.run.folder import Folder
from lithe.run.pretrained import preprocessing_for
from lithe.run.settings import Settings
from lithe.run.training import loaders, recipe_of, seeded, share_cores, torch_threads
from lithe.search.race import Standing, race_epochs
from lithe.search.work import Lost, Work
from lithe.training.checkpoint import read_average, read_header
from lithe.training.history import EpochRow
from lithe.training.images import ImageData, ImageSet, split
from lithe.training.loop import DivergedError, train
from lithe.training.recipe import Recipe

RACE_SHARE = 0.15  # of the training images are kept aside to judge the trials
MOST_RACE_IMAGES = 20_000  # a race over more images is no longer short

# Copies what fits from a trained network's weights, by name, into a fresh network.
Inherit = Callable[[Network, Architecture, Mapping[str, Tensor]], object]
# Hears of every epoch of a trial, once.
OnEpoch = Callable[[Work, EpochRow], None]


@dataclass(frozen=True, slots=True)
class TrialTask:
    """What all trials of a search have in common; can be sent to another process.

    Attributes:
        settings: of the run; `threads` and `workers` are those of one trial.
        folder: of the run, absolute; checkpoints lie in its `work`.
        images: how many the full training has, from which the recipe follows.
        train_images: those that trials train on.
        aside: those that judge them.
        inherit: how a trial begins with its parent's weights; None: it does not.
    """

    settings: Settings
    folder: Path
    images: int
    train_images: ImageSet
    aside: ImageSet
    inherit: Inherit | None = None

    def checkpoint(self, trial: int) -> Path:
        """Where a trial keeps its state."""
        return self.folder / "work" / f"trial-{trial}.safetensors"


def trial_task(folder: Folder, data: ImageData, inherit: Inherit | None = None) -> TrialTask:
    """The task of a run: at most 20,000 of its training images, 15 % of them kept aside."""
    settings = folder.state.settings
    images = data.train
    if len(images) > MOST_RACE_IMAGES:
        _, images = split(images, MOST_RACE_IMAGES / len(images), settings.seed)
    train_images, aside = split(images, RACE_SHARE, settings.seed)
    path = folder.path.absolute()
    return TrialTask(settings, path, len(data.train), train_images, aside, inherit)


def trial_epochs(task: TrialTask, arch: Architecture) -> int:
    """The length of a trial's schedule (see `lithe.search.race.race_epochs`)."""
    full = recipe_of(task.settings, task.images, arch)
    return race_epochs(full.epochs, len(task.train_images) // full.batch_size)


def train_work(task: TrialTask, work: Work, fabric: Fabric, on_epoch: OnEpoch) -> Standing | Lost:
    """Train a trial from where its checkpoint stands to the end of `work.to_epoch`.

    `on_epoch` hears of every epoch up to there, those before the checkpoint included. A loss
    that is no number and a network that does not fit in memory lose the trial; whatever else
    goes wrong would go wrong with every trial.

    Raises:
        LitheError: an image or the checkpoint cannot be read, or the disk is full.
    """
    try:
        history = _trained(task, work, fabric, on_epoch)
    except DivergedError as error:
        return Lost(str(error))
    except (MemoryError, torch.OutOfMemoryError) as error:
        return Lost(
            f"it does not fit in memory ({str(error).splitlines()[0] if str(error) else 'no word'})"
            "; a smaller --batch-size may help"
        )
    row = history[work.to_epoch - 1]
    return Standing(row.val_accuracy, row.val_loss, work.to_epoch)


def _trained(
    task: TrialTask, work: Work, fabric: Fabric, on_epoch: OnEpoch
) -> tuple[EpochRow, ...]:
    arch, checkpoint = work.arch, task.checkpoint(work.trial)
    begun = _begun(checkpoint, arch)
    if len(begun) >= work.to_epoch:
        for row in begun:
            on_epoch(work, row)
        return begun
    settings = task.settings
    recipe = _recipe(task, work)
    network = seeded(arch, settings.seed)
    if not begun:
        _begin(task, work, network)
    cores = share_cores(settings, task.train_images, arch)
    prep = preprocessing_for(arch, settings)
    batches, held_out = loaders(
        task.train_images, task.aside, prep, recipe, cores.workers, settings.seed, fabric
    )
    with torch_threads(cores.threads):
        return train(
            network,
            batches,
            held_out,
            recipe,
            fabric=fabric,
            seed=settings.seed,
            checkpoint=checkpoint,
            on_epoch=lambda row: on_epoch(work, row),
            stop_after=work.to_epoch,
        )


def _begin(task: TrialTask, work: Work, network: Network) -> None:
    """Weights from the trial's parent, else pretrained ones if wished, else those drawn."""
    if task.inherit is not None and work.parent is not None:
        parent = task.checkpoint(work.parent)
        if parent.exists():
            task.inherit(network, *read_average(parent))
            return
    if task.settings.pretrained:
        load_pretrained(network)


def _begun(checkpoint: Path, arch: Architecture) -> tuple[EpochRow, ...]:
    if not checkpoint.exists():
        return ()
    header = read_header(checkpoint)
    if header.arch != arch:
        whose = header.arch.label if header.arch else "a network without a table"
        raise LitheError(
            f"{checkpoint} is the checkpoint of {whose}, not of {arch.label}; "
            "delete it to train that trial again from the start"
        )
    return header.history


def _recipe(task: TrialTask, work: Work) -> Recipe:
    recipe = recipe_of(task.settings, task.images, work.arch)
    # A warm-up as long as the full training's would last past the first rung.
    return msgspec.structs.replace(recipe, epochs=work.epochs, warmup_epochs=0.1 * work.epochs)
