"""Training a converted network: how long, how fast, from whom."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from lightning_fabric import Fabric
from torch import nn

from lithe.progress import SILENT, Progress
from lithe.run.conversion.original import Original, set_apart
from lithe.run.conversion.rate import rate_by_trial
from lithe.run.conversion.sensitivity import Calibration, loss_of
from lithe.run.conversion.state import ConversionSettings
from lithe.run.training import loaders, told
from lithe.training.history import EpochRow
from lithe.training.image_set import ImageSet, in_memory, select
from lithe.training.lesson import Lesson
from lithe.training.loader import worker_count
from lithe.training.loop import train
from lithe.training.recipe import Recipe, recipe_for
from lithe.training.teacher import Teacher

EPOCHS = 0.5  # of those of a training from nothing: carried weights need less

OnHistory = Callable[[Sequence[EpochRow]], None]


@dataclass(frozen=True, slots=True)
class Tuning:
    """All that the trainings of one conversion have in common."""

    original: Original
    teacher: Teacher
    settings: ConversionSettings
    fabric: Fabric
    progress: Progress = SILENT

    def lesson(self, network: nn.Module) -> Lesson:
        """What a converted network is to learn, or the original, whose layers have the same names.

        Raises:
            LitheError: a layer that is to be alike is not there, or makes no map.
        """
        prep, how = self.original.preprocessing, self.settings.how
        return Lesson(network, self.teacher, how, prep, self.settings.seed)

    def recipe(
        self,
        network: nn.Module,
        images: tuple[ImageSet, ImageSet],
        calibration: Calibration,
        folder: Path,
    ) -> Recipe | None:
        """A shorter training at a rate that the network bears, with what the user asked for.

        None if it bears no rate.

        `images` are those to train on and those to judge by; trials of rates keep their state in
        `folder`.
        """
        recipe = recipe_of(self.settings, len(images[0]), network)
        if self.settings.learning_rate is not None:
            return recipe

        def short(tried: nn.Module, given: ImageSet, trial: Recipe, checkpoint: Path) -> None:
            self.train(tried, (given, images[1]), trial, checkpoint, said="Trying a rate")

        apart = set_apart(len(images[0]), self.settings.calibration)
        some = select(images[0], [each for each in range(len(images[0])) if each not in apart])
        rate = rate_by_trial(network, some, calibration.apart, recipe, short, folder)
        return None if rate is None else msgspec.structs.replace(recipe, learning_rate=rate)

    def improve(
        self,
        network: nn.Module,
        recipe: Recipe,
        images: tuple[ImageSet, ImageSet],
        calibration: Calibration,
        checkpoint: Path,
        on_history: OnHistory = lambda rows: None,
    ) -> tuple[float, float]:
        """Train in place and go back to the weights of before where those were better.

        By the loss on the images set apart, which is returned as it was before and after the
        training. Where even that of images that were trained on has risen, harm was done.
        """
        device = calibration.apart[0][0].device
        before = loss_of(network.to(device), calibration.apart)
        weights = copy.deepcopy(network.state_dict())
        self.train(network, images, recipe, checkpoint, on_history)
        after = loss_of(network.to(device), calibration.apart)
        if after > before:
            network.load_state_dict(weights)
        return before, after

    def train(
        self,
        network: nn.Module,
        images: tuple[ImageSet, ImageSet],
        recipe: Recipe,
        checkpoint: Path,
        on_history: OnHistory = lambda rows: None,
        said: str = "Fine-tuning",
    ) -> None:
        """Train a converted network in place, from its checkpoint if there is one.

        It learns from labels and, by the share that is asked for, from the teacher.
        """
        settings, lesson = self.settings, self.lesson(network)
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        files = 0 if in_memory(images[0]) else len(images[0])
        workers = worker_count(settings.workers, files)
        train_images, judged = loaders(
            *images, lesson.prep, recipe, workers, settings.seed, self.fabric
        )
        with self.progress.task(said, recipe.epochs * len(train_images)) as advance:
            on_step, on_epoch = told(len(train_images), advance, on_history)
            train(
                network,
                train_images,
                judged,
                recipe,
                fabric=self.fabric,
                seed=settings.seed,
                checkpoint=checkpoint,
                on_epoch=on_epoch,
                on_step=on_step,
                criterion=lesson,
            )
        network.cpu()
        self.teacher.module.cpu()
        self.original.network.cpu()


def recipe_of(settings: ConversionSettings, images: int, network: nn.Module) -> Recipe:
    """The default recipe for these images, shorter, with what the user asked for."""
    recipe = recipe_for(images, sum(weight.numel() for weight in network.parameters()))
    recipe = msgspec.structs.replace(
        recipe,
        epochs=max(5, round(EPOCHS * recipe.epochs)),
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
