"""The training loop: the same on one CPU, one GPU, several GPUs and several machines."""

import hashlib
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader

from lithe.errors import LitheError
from lithe.nets.build import Network
from lithe.training.checkpoint import read_checkpoint, write_checkpoint
from lithe.training.history import EpochRow
from lithe.training.lesson import Lesson
from lithe.training.recipe import Recipe, learning_rate

Loader = DataLoader[Any]
Loss = Callable[[Tensor, Tensor, Tensor], Tensor]  # of images, logits and labels


class DivergedError(LitheError):
    """The loss is no longer a number."""


@dataclass(frozen=True, slots=True)
class Sums:
    """Loss in nats, right answers and images, added up."""

    loss: float
    right: float
    images: float

    @property
    def mean_loss(self) -> float:
        """Loss per image."""
        return self.loss / self.images

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return self.right / self.images


def train(
    network: nn.Module,
    train_images: Loader,
    held_out: Loader,
    recipe: Recipe,
    *,
    fabric: Fabric,
    seed: int,
    checkpoint: Path | None = None,
    on_epoch: Callable[[EpochRow], None] = lambda row: None,
    on_step: Callable[[], None] = lambda: None,
    stop_after: int | None = None,
    criterion: Lesson | None = None,
) -> tuple[EpochRow, ...]:
    """Train a network in place and leave the averaged weights in it.

    Both loaders yield images n c h w and labels n; the one for training has a sampler with
    `set_epoch`. All random draws of an epoch derive from `seed` and its number, so a
    training that goes on from `checkpoint` ends with the weights of one that was never
    stopped, bit for bit on the same machine. `on_epoch` hears of every epoch, those before
    the checkpoint included. `stop_after` ends early, on the schedule of the full recipe.
    With a lesson as `criterion` the network learns from its teacher as well; the adapters of
    the lesson are trained and kept with it. What is said of held-out images is the same as
    without.

    Raises:
        DivergedError: the loss is no longer a number.
        LitheError: the checkpoint is damaged or another training's.
    """
    beside = () if criterion is None else (criterion.adapters,)
    taught = None if criterion is None else criterion.taught
    optimizer = _optimizer(network, recipe, *beside)
    average = AveragedModel(network, multi_avg_fn=_warming_average(recipe), use_buffers=True)
    state: dict[str, nn.Module] = {"network": network, "average": average}
    if criterion is not None:
        state["adapters"] = criterion.adapters
    history: list[EpochRow] = []
    if checkpoint is not None and checkpoint.exists():
        history += read_checkpoint(checkpoint, state, optimizer, recipe, seed, taught)
        for row in history:
            on_epoch(row)
    # The average is never wrapped: it takes no gradients, and every process has the same one.
    average.to(fabric.device)
    model, optimizer = fabric.setup(network, optimizer)
    loss = _loss(fabric, recipe, criterion)
    for epoch in range(len(history), min(recipe.epochs, stop_after or recipe.epochs)):
        started = time.monotonic()
        torch.manual_seed(_derived(seed, epoch, fabric.global_rank))
        train_images.sampler.set_epoch(epoch)  # type: ignore[attr-defined]
        with nullcontext() if criterion is None else criterion.watching(network):
            sums = _epoch(
                fabric, model, loss, optimizer, average, train_images, recipe, epoch, on_step
            )
        judged = average.module if recipe.averaging else network
        _share_statistics(fabric, judged)
        val = evaluate_loss(fabric, judged, held_out)
        row = EpochRow(
            epoch=epoch + 1,
            learning_rate=learning_rate(recipe, epoch + 1),
            train_loss=sums.mean_loss,
            train_accuracy=sums.accuracy,
            val_loss=val.mean_loss,
            val_accuracy=val.accuracy,
            seconds=time.monotonic() - started,
        )
        history.append(row)
        if checkpoint is not None and fabric.is_global_zero:
            arch = network.arch if isinstance(network, Network) else None
            write_checkpoint(
                checkpoint, state, optimizer.optimizer, recipe, seed, history, arch, taught
            )
        fabric.barrier()
        on_epoch(row)
    if recipe.averaging:
        network.load_state_dict(average.module.state_dict())
    network.eval()
    return tuple(history)


def _epoch(
    fabric: Fabric,
    model: nn.Module,
    criterion: Loss,
    optimizer: Optimizer,
    average: AveragedModel,
    images: Loader,
    recipe: Recipe,
    epoch: int,
    on_step: Callable[[], None],
) -> Sums:
    model.train()
    totals = torch.zeros(3, device=fabric.device, dtype=torch.float64)
    for step, (x, labels) in enumerate(images):
        x, labels = _to_device(fabric, x, labels)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(recipe, epoch + step / len(images))
        logits = model(x)
        loss = criterion(x, logits, labels)
        fabric.backward(loss)
        optimizer.step()
        optimizer.zero_grad()
        average.update_parameters(average_source(model))
        with torch.no_grad():
            right = (logits.argmax(1) == labels).sum()
            totals += torch.stack([loss.detach() * len(x), right, right.new_tensor(len(x))])
        on_step()
    sums = _reduced(fabric, totals)
    if not torch.isfinite(torch.tensor(sums.loss)):
        raise DivergedError(
            f"the loss is no longer a number in epoch {epoch + 1}; a learning rate below "
            f"{recipe.learning_rate:g} may help"
        )
    return sums


def _share_statistics(fabric: Fabric, network: nn.Module) -> None:
    """The first process's batch norm statistics on all: each has seen its own images only.

    They are the ones that are saved, and all judge their part of the held-out images by them.
    """
    if fabric.world_size > 1:
        for buffer in network.buffers():
            buffer.copy_(fabric.broadcast(buffer).to(buffer.device))


def _loss(fabric: Fabric, recipe: Recipe, lesson: Lesson | None) -> Loss:
    """What is minimised; the teacher computes in the precision that the student does."""
    if lesson is None:
        plain = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
        return lambda _, logits, labels: plain(logits, labels)
    lesson.to_device(fabric.device)
    # Adapters have gradients to be shared between processes; without any nothing may be set up.
    taught = fabric.setup_module(lesson) if len(lesson.adapters) else lesson

    def loss(x: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        with fabric.autocast():
            found: Tensor = taught(x, logits, labels, recipe.label_smoothing)
        return found

    return loss


def average_source(model: nn.Module) -> nn.Module:
    """The network inside what Fabric wraps around it."""
    inner = model
    while hasattr(inner, "module") and isinstance(inner.module, nn.Module):
        inner = inner.module
    return inner


@torch.no_grad()
def evaluate_loss(fabric: Fabric, model: nn.Module, images: Loader) -> Sums:
    """Plain cross entropy and right answers over all images of all processes."""
    was_training = model.training
    model.eval()
    totals = torch.zeros(3, device=fabric.device, dtype=torch.float64)
    for x, labels in images:
        x, labels = _to_device(fabric, x, labels)
        with fabric.autocast():
            logits = model(x)
        loss = nn.functional.cross_entropy(logits.float(), labels, reduction="sum")
        right = (logits.argmax(1) == labels).sum()
        totals += torch.stack([loss, right, right.new_tensor(len(x))])
    model.train(was_training)
    return _reduced(fabric, totals)


def _to_device(fabric: Fabric, x: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    # Channels last is the layout in which depthwise convolutions are quickest everywhere.
    return (
        x.to(fabric.device, memory_format=torch.channels_last, non_blocking=True),
        labels.to(fabric.device, non_blocking=True),
    )


def _reduced(fabric: Fabric, totals: Tensor) -> Sums:
    loss, right, images = fabric.all_reduce(totals, reduce_op="sum").tolist()  # type: ignore[union-attr]
    return Sums(loss, right, images)


def _optimizer(network: nn.Module, recipe: Recipe, *beside: nn.Module) -> Optimizer:
    decayed: list[nn.Parameter] = []
    kept: list[nn.Parameter] = []
    for module in chain(network.modules(), *(other.modules() for other in beside)):
        for name, parameter in module.named_parameters(recurse=False):
            depthwise = isinstance(module, nn.Conv2d) and module.groups > 1
            # A vector is a bias or belongs to batch norm.
            spared = depthwise or name == "bias" or parameter.ndim == 1
            (kept if spared else decayed).append(parameter)
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": kept, "weight_decay": 0.0},
    ]
    if recipe.optimizer == "sgd":
        return SGD(groups, recipe.learning_rate, momentum=recipe.momentum, nesterov=True)
    return AdamW(groups, recipe.learning_rate, fused=True)


def _warming_average(recipe: Recipe) -> Callable[[Any, Any, Any], None]:
    """A running mean that forgets its random start: short memory first, `averaging` later."""

    def update(averaged: Any, current: Any, updates: Any) -> None:
        n = int(updates)
        decay = min(recipe.averaging, (1 + n) / (10 + n))
        get_ema_multi_avg_fn(decay)(averaged, current, updates)

    return update


def _derived(*parts: int) -> int:
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1
