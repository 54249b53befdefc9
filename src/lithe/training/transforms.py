"""From an image to a network's input: the same steps for every use, and distortions to train with.

A photograph is not squashed: its centred square is taken and resized. torchvision's v2
transforms do the work; all their random draws are torch's.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from lithe.errors import LitheError
from lithe.nets.card import Preprocessing
from lithe.nets.torchvision_compat import v2

Transform = Callable[[Image.Image], Tensor]

BILINEAR = v2.InterpolationMode.BILINEAR

# Mean and standard deviation per channel, of values scaled to 0..1. Those for RGB are the
# usual ones of ImageNet, which every published weight expects; those for grey are plain.
MEAN_STD = {
    1: ((0.5,), (0.25,)),
    3: ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}

# The distortions at strength 1; a strength below scales them.
SMALLEST_CROP = 0.25  # share of the image's area
ASPECT = 4 / 3  # of a crop, at most, either way
# Of brightness, contrast and saturation, as a share. Not of hue, which alone would take four
# times as long as the three.
JITTER = 0.4
DEGREES = 15.0  # rotation and, in the same measure, shear
SHIFT = 0.1  # of the side
SCALE = 0.2  # of the size


class CentreSquare(nn.Module):
    """The centred square as wide as the shorter side, resized to `resolution` pixels.

    The same as resizing the shorter side and cropping, without the detour: an image of
    1 x 10,000 pixels does not become one of 224 x 2,240,000 on the way.
    """

    def __init__(self, resolution: int) -> None:
        super().__init__()
        self.resolution = resolution

    def forward(self, image: Image.Image) -> Image.Image:
        """Crop and resize."""
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        square: Image.Image = v2.functional.resized_crop(
            image, top, left, side, side, [self.resolution, self.resolution], BILINEAR
        )
        return square


class SlightAffine(nn.Module):
    """Rotate, shear, shift and scale a grey image a little, by amounts scaled by `strength`.

    What comes in from outside has the median grey of the image's border, so that a black
    background stays black and a white one white.
    """

    def __init__(self, strength: float) -> None:
        super().__init__()
        self.strength = strength

    def forward(self, image: Image.Image) -> Image.Image:
        """Draw the amounts and apply them."""
        draws = (self.strength * (2 * torch.rand(5) - 1)).tolist()
        angle, shear, right, down, scale = draws
        grey = np.asarray(image)
        border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
        moved: Image.Image = v2.functional.affine(
            image,
            angle=DEGREES * angle,
            translate=[SHIFT * image.width * right, SHIFT * image.height * down],
            scale=1 + SCALE * scale,
            shear=[DEGREES * shear, 0.0],
            interpolation=BILINEAR,
            fill=[float(np.median(border))],
        )
        return moved


def preprocessing(resolution: int, channels: int) -> Preprocessing:
    """How images become inputs of a side of `resolution` pixels, by the usual constants.

    Raises:
        LitheError: neither 1 (grey) nor 3 (RGB) channels.
    """
    if channels not in MEAN_STD:
        raise LitheError(f"images have 1 or 3 channels here, not {channels}")
    mean, std = MEAN_STD[channels]
    return Preprocessing(resolution=resolution, mean=mean, std=std)


def eval_transform(prep: Preprocessing) -> Transform:
    """The steps of `prep` without distortion: image -> (c, h, w), float32.

    Raises:
        LitheError: neither 1 nor 3 channels.
    """
    steps: Transform = v2.Compose(
        [_channels(prep), CentreSquare(prep.resolution), *_to_tensor(prep)]
    )
    return steps


def train_transform(prep: Preprocessing, strength: float) -> Transform:
    """The steps of `prep` with random distortions: image -> (c, h, w), float32.

    Colour images are cropped, mirrored, and changed in brightness, contrast and saturation,
    as is usual for photographs: a mirrored one shows the same thing. Grey ones are rotated,
    sheared, shifted and scaled a little, and changed in brightness and contrast: they are as
    often characters, scans and X-rays, in which what lies where is part of the class.

    Args:
        prep: size, channels and normalisation.
        strength: 0 (no distortion at all) to 1.

    Raises:
        LitheError: the strength is out of its range, or neither 1 nor 3 channels.
    """
    if not 0 <= strength <= 1:
        raise LitheError(f"a strength of {strength:g} is not between 0 and 1")
    if strength == 0:
        return eval_transform(prep)
    distortions = _photo if prep.channels == 3 else _scan
    distorted = distortions(prep.resolution, strength)
    steps: Transform = v2.Compose([_channels(prep), *distorted, *_to_tensor(prep)])
    return steps


def decoded_side(prep: Preprocessing) -> int:
    """The shorter side, in pixels, below which decoding must not shrink an image.

    The smallest crop that training takes still has the pixels of the input. Measuring reads
    images as training does, so that both see what the same decoder made of them.
    """
    return math.ceil(prep.resolution / math.sqrt(SMALLEST_CROP))


def _channels(prep: Preprocessing) -> nn.Module:
    if prep.channels not in MEAN_STD:
        raise LitheError(f"images have 1 or 3 channels here, not {prep.channels}")
    step: nn.Module = v2.RGB() if prep.channels == 3 else v2.Grayscale()
    return step


def _to_tensor(prep: Preprocessing) -> list[nn.Module]:
    return [
        v2.PILToTensor(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(list(prep.mean), list(prep.std), inplace=True),
    ]


def _photo(resolution: int, strength: float) -> list[nn.Module]:
    jitter = JITTER * strength
    aspect = ASPECT**strength
    smallest = 1 - strength * (1 - SMALLEST_CROP)
    return [
        v2.RandomResizedCrop(resolution, (smallest, 1.0), (1 / aspect, aspect), BILINEAR),
        v2.RandomHorizontalFlip(),
        v2.ColorJitter(jitter, jitter, jitter),
    ]


def _scan(resolution: int, strength: float) -> list[nn.Module]:
    jitter = JITTER * strength
    return [CentreSquare(resolution), SlightAffine(strength), v2.ColorJitter(jitter, jitter)]
