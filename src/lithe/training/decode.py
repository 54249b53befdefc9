"""An image file becomes an upright image, grey or RGB; what cannot become one says why.

Everything that a folder of photographs can hold ends in one of two Pillow modes: `L` (grey)
or `RGB`, eight bits a channel, turned as its EXIF orientation says, transparent parts on
white as a page would show them. Colour profiles are not applied.
"""

import os
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageOps, UnidentifiedImageError

from lithe.errors import LitheError
from lithe.nets.torchvision_compat import datasets

# What an image file may be called, and what may be inside it whatever it is called. Formats
# are named so that no file can reach those of Pillow's readers that start other programs;
# JPEG includes the pairs of images (MPO) that some telephones write.
EXTENSIONS: tuple[str, ...] = (*datasets.folder.IMG_EXTENSIONS, ".gif", ".jfif")
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "PPM", "TIFF", "WEBP")

# A few kilobytes can claim to be gigabytes of pixels. This is the limit from which Pillow
# warns: 1 GiB of memory at twelve bytes a pixel, which the steps below can come to.
MAX_PIXELS = 2**30 // 12


def read_image(file: Path, at_least: int | None = None) -> Image.Image:
    """Decode a file wholly: mode `L` or `RGB`, upright; the first frame of an animation.

    Args:
        file: the path; its name's ending does not matter.
        at_least: the decoder may shrink the image by 2, 4 or 8 as long as its shorter side
            keeps this many pixels. JPEG can, and is then read several times as fast;
            other formats come in full. None: never shrink.

    Raises:
        LitheError: it cannot be read. The message is the reason alone, without the file's
            name, because the caller knows the name that the user wrote.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd metadata, which is no matter here
            with Image.open(file, formats=FORMATS) as image:
                _refuse_bomb(image)
                if at_least is not None:
                    image.draft(None, (at_least, at_least))
                image.load()
                return upright(image)
    except LitheError:
        raise
    except Exception as error:  # a damaged file can make a decoder raise anything
        raise LitheError(_reason(file, error)) from None


def shorter_side(file: Path) -> int:
    """Shorter side in pixels, from the header of a file that `read_image` can read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(file, formats=FORMATS) as image:
            return min(image.size)


def upright(image: Image.Image) -> Image.Image:
    """The image in mode `L` or `RGB`, turned as its EXIF orientation says.

    Transparency is composited on white. Sixteen-bit grey is divided by 256, whatever part
    of the range is used, so that images stay comparable. May change `image` itself.

    Raises:
        LitheError: pixel values whose range cannot be known: floating point, or 32 bits
            beyond 65535.
    """
    with suppress(Exception):  # EXIF that cannot be parsed turns nothing
        ImageOps.exif_transpose(image, in_place=True)
    if image.mode == "F":
        raise LitheError("floating-point pixels, of unknown range; save it with 8 or 16 bits")
    if image.mode.startswith("I"):
        return _eight_bits(image)
    if image.has_transparency_data:
        grey = image.mode in ("L", "LA", "La")
        seen = image.convert("RGBA")
        seen = Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen)
        return seen.convert("L" if grey else "RGB")
    if image.mode in ("L", "RGB"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def is_grey(image: Image.Image) -> bool:
    """Whether an image in mode `L` or `RGB` shows no colour: its channels are equal."""
    if image.mode == "L":
        return True
    red, green, blue = image.split()
    return not any(ImageChops.difference(red, other).getbbox() for other in (green, blue))


def _refuse_bomb(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise LitheError(
            f"{width} x {height} pixels, more than the {MAX_PIXELS / 1e6:.0f} million that"
            " are decoded here"
        )


def _eight_bits(image: Image.Image) -> Image.Image:
    pixels = np.asarray(image)
    low, high = int(pixels.min()), int(pixels.max())
    if low < 0 or high > 0xFFFF:
        raise LitheError(f"32-bit pixels from {low} to {high}; save it with 8 or 16 bits")
    return Image.fromarray((pixels >> 8).astype(np.uint8))


def _reason(file: Path, error: Exception) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, Image.DecompressionBombError):
        return f"more than the {MAX_PIXELS / 1e6:.0f} million pixels that are decoded here"
    if isinstance(error, OSError) and error.errno is not None:
        return (error.strerror or os.strerror(error.errno)).lower()
    if isinstance(error, UnidentifiedImageError):
        empty = file.stat().st_size == 0
        return "the file is empty" if empty else "not an image of a kind that is read here"
    if "truncated" in text.lower():
        return "truncated"
    return f"damaged: {text or type(error).__name__}"
