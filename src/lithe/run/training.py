"""What the race and the final training have in common."""

import hashlib
import os
from typing import Any

import msgspec
import torch
from lightning_fabric import Fabric
from torch.utils.data import DataLoader

from lithe.arch import Architecture
from lithe.nets.build import Network, build
from lithe.nets.card import Preprocessing
from lithe.run.settings import Settings
from lithe.search.price import static_price
from lithe.training.images import ImageSet
from lithe.training.loader import loader
from lithe.training.recipe import Recipe, recipe_for
from lithe.training.transforms import preprocessing

MOST_WORKERS = 8  # decoding processes; more seldom helps one network


def seeded(arch: Architecture, seed: int) -> Network:
    """A table's network with the weights that this seed draws for it."""
    digest = hashlib.sha256(f"{seed} {arch.label}".encode()).digest()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int.from_bytes(digest[:8], "little") >> 1)
        # Depthwise convolutions train quickest in channels last; the stubs do not know it.
        return build(arch).to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def recipe_of(settings: Settings, images: int, arch: Architecture) -> Recipe:
    """The default recipe for these images and this table, with what the user asked for."""
    recipe = recipe_for(images, static_price(arch).params)
    wishes = {
        name: value
        for name in ("epochs", "batch_size", "learning_rate")
        if (value := getattr(settings, name)) is not None
    }
    return msgspec.convert(msgspec.to_builtins(recipe) | wishes, Recipe)


def worker_count(settings: Settings) -> int:
    """Decoding processes: as asked, none for data that is in memory, else one per core."""
    if settings.workers is not None:
        return settings.workers
    return 0 if settings.data == "digits" else min(MOST_WORKERS, os.cpu_count() or 1)


def loaders(
    train_images: ImageSet,
    held_out: ImageSet,
    arch: Architecture,
    recipe: Recipe,
    settings: Settings,
    fabric: Fabric,
) -> tuple[Preprocessing, DataLoader[Any], DataLoader[Any]]:
    """Preprocessing of a table's inputs, distorted training batches, plain held-out batches."""
    prep = preprocessing(arch.resolution, arch.in_channels)
    workers = worker_count(settings)
    rank, world = fabric.global_rank, fabric.world_size
    # A tiny training set still has to fill one batch on every process.
    batch_size = max(2, min(recipe.batch_size, len(train_images) // world))
    return (
        prep,
        loader(
            train_images,
            prep,
            batch_size=batch_size,
            seed=settings.seed,
            strength=recipe.augmentation,
            workers=workers,
            rank=rank,
            world_size=world,
        ),
        loader(
            held_out,
            prep,
            batch_size=4 * recipe.batch_size,
            seed=settings.seed,
            strength=None,
            workers=workers,
            rank=rank,
            world_size=world,
        ),
    )
