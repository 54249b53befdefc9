"""One network trained from start to end, judged on the held-out images and saved."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from lightning_fabric import Fabric

from lithe import __version__
from lithe.arch import Architecture
from lithe.nets.build import Network
from lithe.nets.card import ModelCard, Preprocessing
from lithe.nets.card_json import encode_card
from lithe.nets.model_file import save
from lithe.progress import Progress
from lithe.run.settings import Settings
from lithe.run.training import loaders, share_cores, told, torch_threads
from lithe.training.evaluate import evaluate
from lithe.training.history import EpochRow
from lithe.training.images import ImageData
from lithe.training.lesson import Lesson
from lithe.training.loop import train
from lithe.training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class FullTraining:
    """What is trained, how, where its state is kept and where the network goes."""

    arch: Architecture
    preprocessing: Preprocessing
    recipe: Recipe
    checkpoint: Path
    model: Path


def train_in_full(
    task: FullTraining,
    network: Network,
    data: ImageData,
    settings: Settings,
    fabric: Fabric,
    progress: Progress,
    on_history: Callable[[Sequence[EpochRow]], None] = lambda rows: None,
    lesson: Lesson | None = None,
) -> dict[str, float]:
    """Train on all training images, from the checkpoint if there is one, and save.

    The metrics of the saved file, by name; `on_history` gets all epochs so far after each.
    With a `lesson` the network learns from its teacher, too.

    Raises:
        LitheError: an image or the checkpoint cannot be read, the loss is no longer a
            number, or the file cannot be written.
    """
    arch, prep, recipe = task.arch, task.preprocessing, task.recipe
    card = ModelCard(
        arch=arch,
        classes=data.classes,
        preprocessing=prep,
        seed=settings.seed,
        data=data.name,
        lithe=__version__,
    )
    encode_card(card)  # what cannot be saved is better found before hours of training
    cores = share_cores(settings, data.train, arch)
    train_images, held_out = loaders(
        data.train, data.held_out, prep, recipe, cores.workers, settings.seed, fabric
    )
    title = f"Training {arch.short_label}"
    with progress.task(title, recipe.epochs * len(train_images)) as advance:
        on_step, on_epoch = told(len(train_images), advance, on_history)
        with torch_threads(cores.threads):
            train(
                network,
                train_images,
                held_out,
                recipe,
                fabric=fabric,
                seed=settings.seed,
                checkpoint=task.checkpoint,
                on_epoch=on_epoch,
                on_step=on_step,
                criterion=lesson,
            )
    judged = evaluate(network, data.held_out, prep)
    metrics = {"val_accuracy": judged.accuracy, "val_loss": judged.loss}
    if fabric.is_global_zero:
        save(task.model, network.cpu(), msgspec.structs.replace(card, metrics=metrics))
    fabric.barrier()
    return metrics
