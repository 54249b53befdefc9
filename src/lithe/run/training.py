"""What the race and the final training have in common."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
import torch
from lightning_fabric import Fabric
from torch.utils.data import DataLoader

from lithe.arch import Architecture
from lithe.nets.build import Network, build
from lithe.nets.card import Preprocessing
from lithe.progress import Advance
from lithe.run.settings import Settings
from lithe.search.price import static_price
from lithe.training.history import EpochRow
from lithe.training.image_set import ImageSet, in_memory
from lithe.training.loader import MOST_WORKERS, cpus, loader
from lithe.training.recipe import Recipe, recipe_for

SMALL_MACS = 20_000_000  # of one image; about where a second thread begins to pay


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


@dataclass(frozen=True, slots=True)
class Cores:
    """How the processors are shared out: torch's threads, and processes that decode."""

    threads: int
    workers: int


def share_cores(settings: Settings, images: ImageSet, arch: Architecture) -> Cores:
    """As asked; else half of the processors decode, unless the images are in memory.

    The rest are torch's threads, one for a network so small that its threads would wait
    for each other more than they work.
    """
    free = cpus()
    workers = settings.workers
    if workers is None:
        workers = 0 if in_memory(images) else min(MOST_WORKERS, max(1, free // 2))
    small = static_price(arch).macs < SMALL_MACS
    return Cores(settings.threads or (1 if small else max(1, free - workers)), workers)


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """That many threads inside, as many as before outside."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def loaders(
    train_images: ImageSet,
    held_out: ImageSet,
    prep: Preprocessing,
    recipe: Recipe,
    workers: int,
    seed: int,
    fabric: Fabric,
) -> tuple[DataLoader[Any], DataLoader[Any]]:
    """Distorted training batches, and plain held-out batches."""
    rank, world = fabric.global_rank, fabric.world_size
    # A tiny training set still has to fill one batch on every process.
    batch_size = max(2, min(recipe.batch_size, len(train_images) // world))
    return (
        loader(
            train_images,
            prep,
            batch_size=batch_size,
            seed=seed,
            strength=recipe.augmentation,
            workers=workers,
            rank=rank,
            world_size=world,
        ),
        loader(
            held_out,
            prep,
            batch_size=4 * recipe.batch_size,
            seed=seed,
            strength=None,
            workers=workers,
            rank=rank,
            world_size=world,
        ),
    )


def told(
    steps: int, advance: Advance, on_history: Callable[[Sequence[EpochRow]], None]
) -> tuple[Callable[[], None], Callable[[EpochRow], None]]:
    """What `train` tells of steps and epochs, passed on: `steps` are those of an epoch.

    Epochs of before a stop come without their steps, and are counted whole.
    """
    history: list[EpochRow] = []
    done = 0

    def on_step() -> None:
        nonlocal done
        done += 1
        advance()

    def on_epoch(row: EpochRow) -> None:
        nonlocal done
        history.append(row)
        on_history(history)
        before_the_stop = row.epoch * steps - done
        done += before_the_stop
        advance(before_the_stop, note=f"epoch {row.epoch}, val {row.val_accuracy:.1%}")

    return on_step, on_epoch
