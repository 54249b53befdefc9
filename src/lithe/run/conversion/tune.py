"""One converted network: carried over, refitted, trained from the original."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import torch
from lightning_fabric import Fabric
from torch import nn

from lithe.nets.conversion.places import Place
from lithe.nets.conversion.refit import estimate_norms, layer_errors, refit
from lithe.nets.conversion.rewrite import rewritten
from lithe.nets.conversion.rows import Replacement
from lithe.progress import Progress
from lithe.run.conversion.original import Original
from lithe.run.conversion.sensitivity import Calibration, loss_of
from lithe.run.conversion.state import ConversionSettings, LayerError
from lithe.run.training import loaders
from lithe.training.history import EpochRow
from lithe.training.image_set import ImageSet, in_memory
from lithe.training.lesson import Lesson
from lithe.training.loader import worker_count
from lithe.training.loop import train
from lithe.training.recipe import Recipe, recipe_for
from lithe.training.teacher import Teacher

# Carried weights need less than a training from nothing: half of its epochs, a third of its rate.
EPOCHS, RATE = 0.5, 0.33

OnStep = Callable[[str, nn.Module], None]
OnHistory = Callable[[Sequence[EpochRow]], None]


@dataclass(frozen=True, slots=True)
class Carried:
    """A converted network before training: how far its layers are off, network by step."""

    network: nn.Module
    errors: dict[str, LayerError]


def carried(
    original: Original,
    rows: Sequence[Replacement],
    places: Sequence[Place],
    settings: ConversionSettings,
    calibration: Calibration,
    on_step: OnStep = lambda name, network: None,
    progress: Progress | None = None,
) -> Carried:
    """Replace, refit in the order of execution, re-estimate batch norm.

    `on_step` hears of the network after each step, by the names of `report`'s steps.
    """
    order = {place.layer: place.order for place in places}
    rows = sorted(rows, key=lambda row: order[row.layer])
    names = [row.layer for row in rows]
    signed = [place.layer for place in places if place.signed]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = rewritten(original.network, rows, carry=settings.carry, signed=signed)
    inputs = calibration.inputs

    def errors() -> dict[str, float]:
        return layer_errors(network, original.network, names, lambda: inputs)

    first, second = errors(), None
    on_step("carried", network)
    if settings.refit:
        with (progress or Progress(quiet=True)).task("Refitting", len(rows)) as advance:
            refit(network, original.network, rows, lambda: inputs, advance)
        second = errors()
        on_step("refitted", network)
    _estimated(network, calibration)
    third = errors()
    on_step("normed", network)
    found = {
        name: LayerError(first[name], second[name] if second else None, third[name])
        for name in names
    }
    return Carried(network, found)


def _estimated(network: nn.Module, calibration: Calibration) -> None:
    """Batch norm re-estimated, where the loss on the calibration images falls by it.

    The statistics that the original was trained to are of far more images; what carries
    weights over badly shifts them by more than these few are wrong by.
    """
    before = loss_of(network, calibration)
    kept = {name: value.clone() for name, value in network.named_buffers()}
    estimate_norms(network, lambda: calibration.inputs)
    if not loss_of(network, calibration) < before:
        for name, value in network.named_buffers():
            value.copy_(kept[name])


def recipe_of(settings: ConversionSettings, images: int, network: nn.Module) -> Recipe:
    """The default recipe for these images, shorter and gentler, with what the user asked for."""
    recipe = recipe_for(images, sum(weight.numel() for weight in network.parameters()))
    recipe = msgspec.structs.replace(
        recipe,
        epochs=max(5, round(EPOCHS * recipe.epochs)),
        learning_rate=RATE * recipe.learning_rate,
        warmup_epochs=1.0,
    )
    wishes = {
        name: value
        for name in ("epochs", "batch_size", "learning_rate")
        if (value := getattr(settings, name)) is not None
    }
    return msgspec.convert(msgspec.to_builtins(recipe) | wishes, Recipe)


def as_teacher(settings: ConversionSettings, original: Original) -> Teacher:
    """The original network, to learn from."""
    network, prep = original.network, original.preprocessing
    return Teacher(settings.source, network, prep.channels, prep.resolution, prep.mean, prep.std)


def lesson_of(
    settings: ConversionSettings, teacher: Teacher, network: nn.Module, original: Original
) -> Lesson:
    """What a converted network is to learn, or the original, whose layers have the same names.

    Raises:
        LitheError: a layer that is to be alike is not there, or makes no map.
    """
    return Lesson(network, teacher, settings.how, original.preprocessing, settings.seed)


def tuned(
    network: nn.Module,
    lesson: Lesson,
    images: tuple[ImageSet, ImageSet],
    recipe: Recipe,
    settings: ConversionSettings,
    fabric: Fabric,
    checkpoint: Path,
    progress: Progress,
    on_history: OnHistory = lambda rows: None,
) -> None:
    """Train a converted network in place, from its checkpoint if there is one.

    It learns from labels and, by the share that is asked for, from the lesson's teacher.
    """
    files = 0 if in_memory(images[0]) else len(images[0])
    workers = worker_count(settings.workers, files)
    train_images, judged = loaders(*images, lesson.prep, recipe, workers, settings.seed, fabric)
    history: list[EpochRow] = []
    done = 0
    with progress.task("Fine-tuning", recipe.epochs * len(train_images)) as advance:

        def on_step() -> None:
            nonlocal done
            done += 1
            advance()

        def on_epoch(row: EpochRow) -> None:
            nonlocal done
            history.append(row)
            on_history(history)
            before_the_stop = row.epoch * len(train_images) - done
            done += before_the_stop
            advance(before_the_stop, note=f"epoch {row.epoch}, val {row.val_accuracy:.1%}")

        train(
            network,
            train_images,
            judged,
            recipe,
            fabric=fabric,
            seed=settings.seed,
            checkpoint=checkpoint,
            on_epoch=on_epoch,
            on_step=on_step,
            criterion=lesson,
        )
    network.cpu()
    lesson.teacher.module.cpu()
