"""The trained network that is to be converted, its images, and some of them to measure with."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from lithe.errors import LitheError
from lithe.graph.ops import Shape
from lithe.nets.card import Preprocessing
from lithe.nets.conversion.rows import Conversion, Replacement
from lithe.nets.find import find
from lithe.nets.state_dict import load_state
from lithe.run.conversion.sensitivity import Batches, Calibration
from lithe.run.conversion.state import ConversionSettings
from lithe.training.evaluate import evaluate
from lithe.training.image_set import ImageSet, select, split, spread
from lithe.training.images import ImageData
from lithe.training.loader import loader
from lithe.training.transforms import preprocessing

ASIDE = 0.15  # of the training images judge where --keep-accuracy decides
BATCH = 64


@dataclass(frozen=True, slots=True)
class Original:
    """The network in eval mode, the shape of one image n c h w, how an image becomes one."""

    network: nn.Module
    shape: Shape
    preprocessing: Preprocessing
    outputs: int

    def conversion(self, source: str, rows: tuple[Replacement, ...]) -> Conversion:
        """The table of what is made of it."""
        return Conversion(source, self.shape, rows, self.outputs)


def open_original(settings: ConversionSettings, classes: int) -> Original:
    """The network that was named, with its trained weights.

    A library's network is built for so many classes; weights that are for others are refused.

    Raises:
        LitheError: no such network, weights that are not its own, an input that is no square
            of 1 or 3 channels, or another number of outputs than there are classes.
    """
    found = find(settings.source, input_shape=settings.input_shape, outputs=classes)
    network, shape = found.model, (1, *found.input_shape[1:])
    if not isinstance(network, nn.Module):
        raise LitheError(
            f"{settings.source} is no torch module; give timm:NAME, torchvision:NAME or "
            "package.module:attribute"
        )
    if settings.weights is not None:
        load_state(network, Path(settings.weights))
    network.eval()
    if len(shape) != 4 or shape[2] != shape[3]:
        raise LitheError(f"images are square here; {settings.source} takes {shape}")
    prep = _stated(network, preprocessing(shape[2], shape[1]))
    outputs = outputs_of(network, shape, settings.source)
    if outputs != classes:
        raise LitheError(
            f"{settings.source} has {outputs} outputs and the images have {classes} classes; "
            "give a network that was trained on these classes"
        )
    return Original(network, shape, prep, outputs)


def outputs_of(network: nn.Module, shape: Shape, name: str) -> int:
    """How many classes a network tells apart.

    Raises:
        LitheError: it does not take that shape, or returns anything but logits n c.
    """
    try:
        with torch.inference_mode():
            y = network(torch.zeros(shape))
    except Exception as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise LitheError(f"{name} does not run on an input of {shape}: {said}") from error
    if not isinstance(y, torch.Tensor) or y.ndim != 2 or len(y) != shape[0]:
        kind = tuple(y.shape) if isinstance(y, torch.Tensor) else type(y).__name__
        raise LitheError(f"{name} returns {kind}; one row of logits for each image is needed")
    return int(y.shape[1])


def parts(data: ImageData, settings: ConversionSettings) -> tuple[ImageSet, ImageSet | None]:
    """The images to train on, and those kept aside where an accuracy decides."""
    if settings.keep_accuracy is None:
        return data.train, None
    return split(data.train, ASIDE, settings.seed)


def calibration_of(
    images: ImageSet, prep: Preprocessing, settings: ConversionSettings
) -> Calibration:
    """Images spread over the training set, undistorted, in memory."""
    used = spread(len(images), settings.calibration)
    apart = set_apart(len(images), settings.calibration) or used
    return Calibration(*(_in_memory(select(images, each), prep) for each in (used, apart)))


def set_apart(images: int, calibration: int) -> tuple[int, ...]:
    """The indices of images that do not calibrate, as many as do or half of what is left.

    None where that is nothing.

    >>> spread(9, 3), set_apart(9, 3), set_apart(3, 2)
    ((0, 3, 6), (1, 4, 7), ())
    """
    used = spread(images, calibration)
    others = [index for index in range(images) if index not in used]
    return tuple(others[each] for each in spread(len(others), min(len(used), len(others) // 2)))


def _in_memory(images: ImageSet, prep: Preprocessing) -> Batches:
    return tuple((x, labels) for x, labels in loader(images, prep, batch_size=BATCH))


def accuracy_of(network: nn.Module, images: ImageSet, original: Original) -> float:
    """The share of images that a network gets right, given them as the original takes them."""
    names = [str(index) for index in range(original.outputs)]
    return evaluate(network, images, original.preprocessing, classes=names).accuracy


def few_images(calibration: Calibration) -> tuple[str, ...]:
    """What has to be said where there are too few images to refit with."""
    count = sum(len(x) for x in calibration.inputs)
    if count >= 32:
        return ()
    note = (
        f"Only {count} images to calibrate with: losses per layer are rough, and least squares "
        "stay near the weights that were carried over. Some hundred are better."
    )
    return (note,)


def _stated(network: nn.Module, prep: Preprocessing) -> Preprocessing:
    """With the mean and deviation that a network of timm's says its weights expect."""
    stated = getattr(network, "pretrained_cfg", None)
    if not isinstance(stated, dict):
        return prep
    mean, std = stated.get("mean"), stated.get("std")
    if not mean or not std or len(mean) != prep.channels:
        return prep
    return Preprocessing(prep.resolution, tuple(map(float, mean)), tuple(map(float, std)))
