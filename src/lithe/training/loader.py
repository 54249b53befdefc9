"""Batches of images, decoded in worker processes, the same for any number of them.

All that is random about a sample follows from the seed, the epoch and the sample's index.
So it does not matter which process draws it, nor whether the training was resumed.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler, default_collate

from lithe.errors import LitheError
from lithe.nets.card import Preprocessing
from lithe.training.image_set import ImageSet
from lithe.training.transforms import (
    Transform,
    decoded_side,
    eval_transform,
    train_transform,
)

FILES_A_WORKER = 64  # fewer are decoded sooner than a process has started
MOST_WORKERS = 16


class Draw(NamedTuple):
    """One sample: which image, and the seed of its distortions."""

    image: int
    seed: int


class EpochSampler(Sampler[Draw]):
    """One process's samples of an epoch.

    Shuffled: a new order in every epoch, the same on all processes, of which each takes
    every `world_size`-th and all take equally many; the few left over differ from epoch to
    epoch. In order: every `world_size`-th image, once; nothing is padded, so the processes'
    counts differ by one where the images do not divide evenly. Sum over processes after
    the loop, not batch by batch.
    """

    def __init__(self, images: int, seed: int, shuffled: bool, rank: int, world_size: int) -> None:
        self.images = images
        self.seed = seed
        self.shuffled = shuffled
        self.rank = rank
        self.world_size = world_size
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, counted from 0, that the next iteration draws."""
        self.epoch = epoch

    def __len__(self) -> int:
        if self.shuffled:
            return max(1, self.images // self.world_size)
        return len(range(self.rank, self.images, self.world_size))

    def __iter__(self) -> Iterator[Draw]:
        order = list(range(self.images))
        if self.shuffled:
            generator = torch.Generator().manual_seed(_mixed(self.seed, self.epoch, -1))
            order = torch.randperm(self.images, generator=generator).tolist()
        # With fewer images than processes some take the same one.
        for i in range(len(self)):
            index = order[(self.rank + i * self.world_size) % self.images]
            yield Draw(index, _mixed(self.seed, self.epoch, index))


class Samples(Dataset[tuple[Tensor, int]]):
    """Transformed images by `Draw`; a sample comes out the same in every process."""

    def __init__(self, images: ImageSet, transform: Transform, at_least: int) -> None:
        self.images = images
        self.transform = transform
        self.at_least = at_least
        self.labels = images.labels

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, draw: Draw) -> tuple[Tensor, int]:
        image = self.images.image(draw.image, self.at_least)
        return drawn(self.transform, image, draw.seed), self.labels[draw.image]

    def __getitems__(self, draws: list[Draw]) -> "list[tuple[Tensor, int]] | LitheError":
        # An exception would cross from the worker as a traceback of many lines.
        try:
            return [self[draw] for draw in draws]
        except LitheError as error:
            return error


class ImageLoader(DataLoader[Any]):
    """A data loader that raises in the caller what a worker process could not read."""

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        for batch in super().__iter__():
            if isinstance(batch, LitheError):
                try:
                    raise batch
                finally:
                    # The error knows this frame. If the frame knew the error, only the garbage
                    # collector could free both, and the workers would be waited for in vain.
                    del batch
            yield batch


def loader(
    images: ImageSet,
    prep: Preprocessing,
    *,
    batch_size: int,
    seed: int = 0,
    strength: float | None = None,
    workers: int = 0,
    rank: int = 0,
    world_size: int = 1,
) -> DataLoader[Any]:
    """Batches of images n c h w, float32, and labels n, int64.

    For training, call `loader.sampler.set_epoch(epoch)` before every epoch. The loader shards
    itself; Fabric's `setup_dataloaders` would replace the epoch by its own count, which
    starts at zero after a resume, so leave it out and move the batches to the device.

    Args:
        images: what to read.
        prep: how an image becomes an input.
        batch_size: images in a batch of this process.
        seed: of order and distortions.
        strength: of the distortions, 0 to 1 (see `train_transform`), for training: shuffled
            anew every epoch, without the last batch if it is short and not the only one,
            because batch norm learns little from a few images. None, for measuring: every
            image once, in order, without distortion.
        workers: processes to decode with; 0: in this one.
        rank: number of this process.
        world_size: how many processes share the images (see `EpochSampler`).

    Raises:
        LitheError: no images, a strength out of its range; when iterated: an image that
            cannot be read.
    """
    if not len(images):
        raise LitheError("no images to load")
    training = strength is not None
    sampler = EpochSampler(len(images), seed, training, rank, world_size)
    transform = eval_transform(prep) if strength is None else train_transform(prep, strength)
    return ImageLoader(
        Samples(images, transform, decoded_side(prep)),
        batch_size=batch_size,
        sampler=sampler,
        drop_last=training and len(sampler) > batch_size,
        num_workers=workers,
        collate_fn=_collated,
        persistent_workers=workers > 0,
        pin_memory=torch.cuda.is_available(),
        generator=torch.Generator(),  # so that iterating leaves torch's own draws alone
    )


def worker_count(workers: int | None, files: int) -> int:
    """How many processes to decode so many files with: as asked, or as many as merit it.

    Raises:
        LitheError: fewer than none were asked for.
    """
    if workers is not None:
        if workers < 0:
            raise LitheError(f"{workers} workers cannot be started; give 0 or more")
        return workers
    return min(cpus(), MOST_WORKERS, files // FILES_A_WORKER)


def cpus() -> int:
    """Processors that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def drawn(transform: Callable[[Image.Image], Tensor], image: Image.Image, seed: int) -> Tensor:
    """The transformed image under this seed; torch's own random state is put back."""
    generator = torch.default_generator
    state = generator.get_state()
    generator.manual_seed(seed)
    try:
        return transform(image)
    finally:
        generator.set_state(state)


def _collated(samples: list[tuple[Tensor, int]] | LitheError) -> Any:
    return samples if isinstance(samples, LitheError) else default_collate(samples)


def _mixed(seed: int, epoch: int, index: int) -> int:
    # torch's generator uses the low 32 bits only, so they must depend on all three.
    digest = hashlib.blake2b(f"{seed} {epoch} {index}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little")
