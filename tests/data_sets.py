"""Folders of synthetic images to test with: shapes and textures, drawn from a seed.

Ten kinds of picture that a small network can tell apart but a mean colour cannot: place,
size, angle, colours and noise differ from image to image.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

Plane = npt.NDArray[np.float64]
Colour = Literal["grey", "rgb", "mixed"]


def make_folder(
    root: Path,
    *,
    classes: int | Sequence[str] = 10,
    per_class: int = 20,
    colour: Colour = "rgb",
    sides: tuple[int, int] = (24, 64),
    formats: Sequence[str] = ("png", "jpg", "bmp", "webp", "gif", "tif"),
    noise: float = 0.1,
    seed: int = 0,
) -> Path:
    """Write `root/CLASS/NUMBER.FORMAT`; the same arguments give the same files.

    `sides` bounds width and height, which are drawn apart, so that most images are not
    square. `colour`: all images grey, all coloured, or by turns. Class names are those of
    `KINDS` unless given. `noise` is the standard deviation, 1 being black to white.
    """
    names = list(KINDS)[:classes] if isinstance(classes, int) else list(classes)
    for label, name in enumerate(names):
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(per_class):
            grey = colour == "grey" or (colour == "mixed" and number % 2 == 0)
            image = draw(label, (seed, label, number), sides=sides, grey=grey, noise=noise)
            image.save(folder / f"{number:04}.{formats[number % len(formats)]}")
    return root


def draw(
    label: int,
    seed: int | Sequence[int],
    *,
    sides: tuple[int, int] = (32, 32),
    grey: bool = False,
    noise: float = 0.1,
) -> Image.Image:
    """One image of the kind `list(KINDS)[label % 10]`, mode `L` or `RGB`."""
    rng = np.random.default_rng(seed)
    width, height = (int(side) for side in rng.integers(sides[0], sides[1] + 1, 2))
    y, x = np.mgrid[:height, :width] / min(width, height)
    angle = rng.uniform(-0.25, 0.25)
    x, y = x - rng.uniform(0.4, 0.6) * x.max(), y - rng.uniform(0.4, 0.6) * y.max()
    x, y = x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)
    inside = list(KINDS.values())[label % len(KINDS)](x, y, rng.uniform(0.25, 0.38))
    channels = 1 if grey else 3
    dark, light = rng.uniform(0, 0.35, channels), rng.uniform(0.65, 1, channels)
    if rng.random() < 0.5:
        dark, light = light, dark
    pixels = (
        np.where(inside[..., None], light, dark) + rng.normal(0, noise, inside.shape)[..., None]
    )
    levels = (pixels.clip(0, 1) * 255).astype(np.uint8)
    return Image.fromarray(levels[..., 0] if grey else levels)


def _stripes(x: Plane, size: float) -> npt.NDArray[np.bool_]:
    return np.sin(x * 5 / size) > 0


# Where the light is, for coordinates around a centre and a size, both in shorter sides.
KINDS: dict[str, Callable[[Plane, Plane, float], npt.NDArray[np.bool_]]] = {
    "disc": lambda x, y, size: np.hypot(x, y) < size,
    "ring": lambda x, y, size: np.abs(np.hypot(x, y) - size) < 0.3 * size,
    "square": lambda x, y, size: np.maximum(np.abs(x), np.abs(y)) < 0.85 * size,
    "cross": lambda x, y, size: (
        (np.minimum(np.abs(x), np.abs(y)) < 0.25 * size) & (np.maximum(np.abs(x), np.abs(y)) < size)
    ),
    "triangle": lambda x, y, size: (y < 0.6 * size) & (y > 2 * np.abs(x) - size),
    "level": lambda x, y, size: _stripes(y, size),
    "upright": lambda x, y, size: _stripes(x, size),
    "slanted": lambda x, y, size: _stripes(x + y, size),
    "checks": lambda x, y, size: _stripes(x, size) ^ _stripes(y, size),
    "dots": lambda x, y, size: np.sin(x * 8 / size) * np.sin(y * 8 / size) > 0.5,
}
