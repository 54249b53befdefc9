"""Classify images with nothing but a model file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from lithe.errors import LitheError
from lithe.nets.card import Card
from lithe.nets.cards import card_of
from lithe.nets.load import load
from lithe.progress import SILENT, Progress
from lithe.runtimes import DEFAULT, RUNTIMES, Ready, RuntimeName, check_runtime
from lithe.training.decode import EXTENSIONS, read_image, upright
from lithe.training.evaluate import check_outputs
from lithe.training.folder import is_folder, list_images, shown
from lithe.training.loader import worker_count
from lithe.training.transforms import decoded_side, eval_transform

Source = str | Path | Image.Image


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the network says of one image: (class, probability), the likeliest first.

    Of an image that could not be read, `problem` says why, and `top` is empty.
    """

    name: str
    top: tuple[tuple[str, float], ...]
    problem: str = ""


def predict(
    model: nn.Module | str | Path,
    images: Source | Sequence[Source],
    *,
    top_k: int = 5,
    batch_size: int = 64,
    workers: int | None = None,
    runtime: RuntimeName = DEFAULT,
    progress: Progress = SILENT,
) -> tuple[Prediction, ...]:
    """The likeliest classes of images.

    An image that cannot be read does not stop the others: it gets a prediction with its
    `problem`.

    Args:
        model: a model file, or a network with a card.
        images: files, folders (all images below them, sorted), Pillow images, or a mixture.
        top_k: how many classes to name for each.
        batch_size: images at a time.
        workers: processes to decode with; None: as many as the CPUs and images merit.
        runtime: `lithe`, the engine, which works on the CPU; or `eager`, PyTorch, on the
            device where the network is, for a model file the accelerator if there is one.
        progress: where to show how far it is.

    Returns:
        One for each image, in the order given.

    Raises:
        LitheError: a path that is not there, a folder without images, a network without a
            card, a model file that cannot be read, or one that the runtime cannot run.
    """
    if top_k < 1:
        raise LitheError(f"the likeliest {top_k} classes are none; give a top_k of 1 or more")
    check_runtime(runtime)
    network = model if isinstance(model, nn.Module) else load(model)
    card = card_of(network)
    if card is None:
        raise LitheError(
            "the network has no card that says its classes and preprocessing; load it from a"
            " model file"
        )
    inputs = _Inputs(tuple(_named([images] if isinstance(images, Source) else images)), card)
    if runtime == "eager" and network is not model:
        network = _on_accelerator(network)
    side = card.preprocessing.resolution
    at_once = max(1, min(batch_size, len(inputs)))
    ready = RUNTIMES[runtime](network, (at_once, card.preprocessing.channels, side, side))
    batches = DataLoader(
        inputs,
        batch_size=batch_size,
        collate_fn=_collated,
        num_workers=worker_count(workers, inputs.files),
    )
    found: list[tuple[tuple[str, float], ...]] = []
    problems: list[str] = []
    with progress.task("predicting", len(inputs)) as advance:
        for x, said in batches:
            problems.extend(said)
            if x is not None:
                found.extend(_likeliest(ready, x, card.classes, top_k))
            advance(len(said))
    answers = iter(found)
    return tuple(
        Prediction(name, (), problem) if problem else Prediction(name, next(answers))
        for name, problem in zip(inputs.names, problems, strict=True)
    )


class _Inputs(Dataset[Tensor | str]):
    """Inputs of the network, or in their place why there is none."""

    def __init__(self, named: tuple[tuple[str, Path | Image.Image], ...], card: Card) -> None:
        self.names = [name for name, _ in named]
        self.images = [image for _, image in named]
        self.files = sum(isinstance(image, Path) for image in self.images)
        self.transform = eval_transform(card.preprocessing)
        self.at_least = decoded_side(card.preprocessing)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor | str:
        image = self.images[index]
        try:
            if isinstance(image, Path):
                return self.transform(read_image(image, self.at_least))
            return self.transform(upright(image.copy()))
        except LitheError as error:
            return str(error)


def _collated(inputs: list[Tensor | str]) -> tuple[Tensor | None, list[str]]:
    """The readable inputs as one tensor, n c h w, and for each input its problem or nothing."""
    readable = [x for x in inputs if isinstance(x, Tensor)]
    problems = ["" if isinstance(x, Tensor) else x for x in inputs]
    return torch.stack(readable) if readable else None, problems


def _likeliest(
    ready: Ready, x: Tensor, classes: Sequence[str], top_k: int
) -> Iterator[tuple[tuple[str, float], ...]]:
    logits = ready.call(x).float().cpu()
    check_outputs(logits, classes)
    if not logits.isfinite().all():
        raise LitheError(
            "the network's answer is not a number: its weights are damaged, or its training"
            " went astray; train it again with a lower learning rate"
        )
    best = logits.softmax(1).topk(min(top_k, len(classes)))
    for values, indices in zip(best.values.tolist(), best.indices.tolist(), strict=True):
        yield tuple((classes[i], value) for i, value in zip(indices, values, strict=True))


def _named(sources: Sequence[Source]) -> Iterator[tuple[str, Path | Image.Image]]:
    """Every image with its name: the path as it was given, or its number."""
    for number, source in enumerate(sources):
        if isinstance(source, Image.Image):
            yield f"image {number}", source
            continue
        path = Path(source)
        what = is_folder(path)
        if what is None:
            raise LitheError(f"there is no file or folder {str(path)!r}")
        if what:
            found, _ = list_images(path)
            if not found:
                raise LitheError(f"no images in {str(path)!r}; looked for {' '.join(EXTENSIONS)}")
            yield from ((shown(str(path / name)), path / name) for name in found)
        else:
            yield shown(str(path)), path


def _on_accelerator(network: nn.Module) -> nn.Module:
    device = torch.accelerator.current_accelerator(check_available=True)
    return network if device is None else network.to(device)
