"""A recipe is a value: everything that decides a training besides the table, data and seed."""

import math
from typing import Annotated, Literal

from msgspec import Meta, Struct


class Recipe(Struct, frozen=True, forbid_unknown_fields=True):
    """How a network is trained.

    The learning rate rises linearly over `warmup_epochs` and then falls along half a cosine
    to zero. `weight_decay` is not applied to batch norm, biases and depthwise weights
    (MobileNetV1, section 3.1: depthwise filters have so few parameters). `averaging` is the
    decay of the running mean of the weights, which are the ones kept; 0 keeps the last
    ones. `augmentation` is the strength of the distortions, 0 to 1.
    """

    epochs: Annotated[int, Meta(ge=1, le=100_000)]
    batch_size: Annotated[int, Meta(ge=2, le=65_536)]
    learning_rate: Annotated[float, Meta(gt=0, le=100)]
    optimizer: Literal["sgd", "adamw"] = "adamw"
    momentum: Annotated[float, Meta(ge=0, lt=1)] = 0.9
    weight_decay: Annotated[float, Meta(ge=0, le=10)] = 0.05
    warmup_epochs: Annotated[float, Meta(ge=0)] = 3.0
    label_smoothing: Annotated[float, Meta(ge=0, lt=1)] = 0.1
    averaging: Annotated[float, Meta(ge=0, lt=1)] = 0.99
    augmentation: Annotated[float, Meta(ge=0, le=1)] = 0.5


def recipe_for(images: int, params: int) -> Recipe:
    """Sane defaults for a training set of `images` and a network of `params` parameters.

    Few images are shown more often: 40 epochs for 2,000 images and less, 15 for 50,000 and
    more, in between as images^-0.35. A small network is distorted less, for it has trouble
    fitting, not overfitting (MobileNetV1, section 3.1), and so are many images: half
    strength for 0.3 M parameters and 20,000 images, a quarter more for ten times the
    parameters or a tenth of the images.
    """
    batch_size = 64 if images < 20_000 else 128
    strength = 0.5 + 0.25 * math.log10(params / 300_000) + 0.25 * math.log10(20_000 / images)
    return Recipe(
        epochs=min(40, max(15, round(40 * (2_000 / images) ** 0.35))),
        batch_size=batch_size,
        learning_rate=3e-3 * math.sqrt(batch_size / 64),
        augmentation=round(min(1.0, max(0.2, strength)), 2),
    )


def learning_rate(recipe: Recipe, epoch: float) -> float:
    """The rate at a point of training, in epochs from 0 to `recipe.epochs`."""
    warmup = min(recipe.warmup_epochs, recipe.epochs / 4)
    if epoch < warmup:
        # Never zero: the first step would be lost.
        return recipe.learning_rate * (epoch + 0.01) / (warmup + 0.01)
    done = (epoch - warmup) / (recipe.epochs - warmup)
    return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
