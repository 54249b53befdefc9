"""The learning rate of a fine-tuning: the highest that does not undo what was carried over.

Carried weights are near a good place already, and how far a step may go there differs by orders of
magnitude between networks: each output of VGG-11's first linear layer sums 25,088 inputs, all
of whose weights Adam moves by the full rate at once.
"""

import copy
from collections.abc import Callable
from pathlib import Path

import msgspec
from torch import nn

from lithe.run.conversion.sensitivity import Batches, loss_of
from lithe.training.image_set import ImageSet, select, spread
from lithe.training.loop import DivergedError
from lithe.training.recipe import Recipe

# Of the rate of a training from nothing.
SHARES = (0.33, 0.1, 0.033, 0.01, 0.003)
IMAGES = 1024  # in a trial

Train = Callable[[nn.Module, ImageSet, Recipe, Path], None]


def rate_by_trial(
    network: nn.Module,
    images: ImageSet,
    judged: Batches,
    recipe: Recipe,
    train: Train,
    folder: Path,
) -> float | None:
    """The highest of some rates with which a short training does not raise the loss.

    Each begins with the same weights and runs once over some of `images`, from the rate down to
    zero; the loss is that on `judged`, which neither a trial nor the least squares may have
    seen: what was fitted to them is better on them than it is. None if every rate raises it.
    `train` trains in place and keeps its state in the file that it is given, so
    that a trial which was finished is not run again.
    """
    device = judged[0][0].device
    before = loss_of(network.to(device), judged)
    some = select(images, spread(len(images), IMAGES))
    for share in SHARES:
        rate = share * recipe.learning_rate
        short = msgspec.structs.replace(
            recipe, epochs=1, learning_rate=rate, warmup_epochs=0.25, averaging=0.0
        )
        tried = copy.deepcopy(network)
        try:
            train(tried, some, short, folder / f"rate-{share:g}.safetensors")
        except DivergedError:
            continue
        if loss_of(tried.to(device), judged) <= before:
            return rate
    return None
