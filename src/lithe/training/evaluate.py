"""How often a network is right, and what it takes for what."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lithe.arch import Architecture
from lithe.errors import LitheError
from lithe.nets.card import Preprocessing
from lithe.nets.cards import card_of
from lithe.progress import SILENT, Progress
from lithe.training.image_set import ImageSet, in_memory
from lithe.training.loader import loader, worker_count


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One class: its images, how many were recognised, and how often its name was right.

    `recall` is correct / count, None without images; `precision` is the share of right ones
    among the images that were called this class, None if none were.
    """

    name: str
    count: int
    correct: int
    recall: float | None
    precision: float | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a network said of labelled images.

    Attributes:
        accuracy: share of right answers.
        loss: mean cross entropy, in nats.
        rows: one per class of the network.
        confusion: `confusion[i][j]` counts images of class i that were called class j.
        predicted: the class it named for each image, in the images' order.
        confidence: the probability it gave that class.
    """

    accuracy: float
    loss: float
    rows: tuple[ClassRow, ...]
    confusion: tuple[tuple[int, ...], ...]
    predicted: tuple[int, ...]
    confidence: tuple[float, ...]


def evaluate(
    network: nn.Module,
    images: ImageSet,
    prep: Preprocessing,
    *,
    classes: Sequence[str] | None = None,
    batch_size: int = 256,
    workers: int | None = None,
    progress: Progress = SILENT,
) -> Evaluation:
    """Show every image to the network once, on the device where it is.

    Args:
        network: in training or eval mode, which it keeps.
        images: labelled by index into the network's classes (see `relabel`); they need not
            have all of them.
        prep: how an image becomes an input.
        classes: the network's classes; None: those of its card, or a table's as numbers.
        batch_size: images at a time.
        workers: processes to decode with; None: as many as the CPUs and images merit.
        progress: where to show how far it is.

    Raises:
        LitheError: no images, an image that cannot be read, or a label or a number of class
            names that the network's outputs do not have.
    """
    names = _names(network, classes)
    if images.labels and max(images.labels) >= len(names):
        raise LitheError(
            f"an image has label {max(images.labels)}, but the network has {len(names)} outputs,"
            " counted from 0"
        )
    workers = worker_count(workers, 0 if in_memory(images) else len(images))
    batches = loader(images, prep, batch_size=batch_size, workers=workers)
    device = next(network.parameters()).device
    training = network.training
    loss = 0.0
    predicted: list[int] = []
    confidence: list[float] = []
    network.eval()
    with torch.inference_mode(), progress.task("evaluating", len(images)) as advance:
        for x, labels in batches:
            logits = network(x.to(device)).float().cpu()
            check_outputs(logits, names)
            loss += float(F.cross_entropy(logits, labels, reduction="sum"))
            best = logits.softmax(1).max(1)
            predicted.extend(best.indices.tolist())
            confidence.extend(best.values.tolist())
            advance(len(x))
    network.train(training)
    matrix = _confusion(images.labels, predicted, len(names))
    return Evaluation(
        accuracy=sum(row[i] for i, row in enumerate(matrix)) / len(images),
        loss=loss / len(images),
        rows=_rows(names, matrix),
        confusion=matrix,
        predicted=tuple(predicted),
        confidence=tuple(confidence),
    )


def most_confused(found: Evaluation, most: int) -> tuple[tuple[str, str, int], ...]:
    """The pairs of classes with the most mistakes: truth, answer, images; the worst first."""
    matrix = np.array(found.confusion)
    np.fill_diagonal(matrix, 0)
    order = np.argsort(-matrix, axis=None, kind="stable")[:most]
    pairs = [(int(i), int(j)) for i, j in zip(*np.unravel_index(order, matrix.shape), strict=True)]
    names = [row.name for row in found.rows]
    return tuple((names[i], names[j], int(matrix[i, j])) for i, j in pairs if matrix[i, j])


def check_outputs(logits: Tensor, classes: Sequence[str]) -> None:
    """Hold a network's answer, n c, against the number of class names.

    Raises:
        LitheError: they differ.
    """
    if logits.ndim != 2 or logits.shape[1] != len(classes):
        outputs = " x ".join(map(str, logits.shape[1:]))
        raise LitheError(f"{len(classes)} class names for a network of {outputs} outputs")


def _names(network: nn.Module, classes: Sequence[str] | None) -> Sequence[str]:
    card, arch = card_of(network), getattr(network, "arch", None)
    if classes is None and card is not None:
        classes = card.classes
    if not isinstance(arch, Architecture):
        if classes is None:
            raise LitheError(f"{type(network).__name__} does not say its classes; name them")
        return classes
    outputs = arch.num_classes
    if classes is None:
        classes = [str(i) for i in range(outputs)]
    if len(classes) != outputs:
        raise LitheError(f"{len(classes)} class names for a network of {outputs} outputs")
    return classes


def _confusion(
    labels: Sequence[int], predicted: Sequence[int], classes: int
) -> tuple[tuple[int, ...], ...]:
    from sklearn.metrics import confusion_matrix  # over a second: only when needed

    matrix = confusion_matrix(labels, predicted, labels=range(classes))
    return tuple(tuple(row) for row in matrix.tolist())


def _rows(names: Sequence[str], matrix: Sequence[Sequence[int]]) -> tuple[ClassRow, ...]:
    counts = [sum(row) for row in matrix]
    called = np.sum(matrix, axis=0).tolist()
    return tuple(
        ClassRow(
            name,
            counts[i],
            matrix[i][i],
            matrix[i][i] / counts[i] if counts[i] else None,
            matrix[i][i] / called[i] if called[i] else None,
        )
        for i, name in enumerate(names)
    )
