"""Whatever a folder of images holds becomes an upright `L` or `RGB` image, or a reason."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.data_sets import draw

from lithe.errors import LitheError
from lithe.training.decode import MAX_PIXELS, is_grey, read_image, shorter_side

RED = (200, 30, 20)


def saved(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)  # type: ignore[arg-type]
    return path


def png(width: int, height: int) -> bytes:
    """A PNG file that claims a size without having the pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in (
            (b"IHDR", header),
            (b"IDAT", zlib.compress(b"\0" * 1000)),
            (b"IEND", b""),
        )
    )
    return b"\x89PNG\r\n\x1a\n" + chunks


@pytest.mark.smoke
@pytest.mark.parametrize(
    ("mode", "ending", "expected"),
    [
        ("1", "png", "L"),
        ("L", "png", "L"),
        ("L", "jpg", "L"),
        ("P", "png", "RGB"),
        ("P", "gif", "RGB"),
        ("RGB", "png", "RGB"),
        ("RGB", "webp", "RGB"),
        ("RGB", "tif", "RGB"),
        ("RGB", "ppm", "RGB"),
        ("RGB", "bmp", "RGB"),
        ("CMYK", "jpg", "RGB"),
        ("YCbCr", "jpg", "RGB"),
        ("LAB", "tif", "RGB"),
    ],
)
def test_every_mode_becomes_grey_or_rgb(
    tmp_path: Path, mode: str, ending: str, expected: str
) -> None:
    image = Image.new("RGB", (16, 12), RED)
    source = image.convert("RGB" if mode == "LAB" else mode)
    if mode == "LAB":
        from PIL import ImageCms

        profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        converted = ImageCms.profileToProfile(image, *profiles, outputMode="LAB")
        assert converted is not None
        source = converted
    read = read_image(saved(tmp_path / f"a.{ending}", source))
    assert (read.mode, read.size) == (expected, (16, 12))
    if expected == "RGB" and mode != "LAB":
        assert np.abs(np.asarray(read, int)[5, 5] - RED).max() < 40


def test_transparent_parts_are_white(tmp_path: Path) -> None:
    image = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    image.putpixel((0, 0), (*RED, 255))
    image.putpixel((1, 0), (0, 0, 0, 128))
    read = read_image(saved(tmp_path / "a.png", image))
    assert read.getpixel((4, 4)) == (255, 255, 255)
    assert read.getpixel((0, 0)) == RED
    assert read.getpixel((1, 0)) == (127, 127, 127)


def test_transparency_of_palettes_and_of_grey_is_seen(tmp_path: Path) -> None:
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([0, 0, 0, *RED])
    palette.putpixel((0, 0), 1)
    read = read_image(saved(tmp_path / "p.png", palette, transparency=0))
    assert (read.getpixel((0, 0)), read.getpixel((3, 3))) == (RED, (255, 255, 255))
    grey = read_image(saved(tmp_path / "la.png", Image.new("LA", (4, 4), (10, 0))))
    assert (grey.mode, grey.getpixel((0, 0))) == ("L", 255)


@pytest.mark.parametrize("ending", ["png", "tif", "pgm"])
def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path, ending: str) -> None:
    deep = np.array([[0, 255, 256], [32768, 40000, 65535]], np.uint16)
    read = read_image(saved(tmp_path / f"a.{ending}", Image.fromarray(deep)))
    assert read.mode == "L"
    assert np.array_equal(np.asarray(read), deep // 256)


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.zeros((4, 4), np.float32), "floating-point"),
        (np.full((4, 4), 70_000, np.int32), "32-bit pixels from 70000 to 70000"),
    ],
)
def test_pixels_of_unknown_range_are_refused(
    tmp_path: Path, pixels: np.ndarray, message: str
) -> None:
    with pytest.raises(LitheError, match=message):
        read_image(saved(tmp_path / "a.tif", Image.fromarray(pixels)))


@pytest.mark.parametrize("ending", ["jpg", "png", "tif", "webp"])
def test_exif_orientation_turns_the_image(tmp_path: Path, ending: str) -> None:
    image = Image.new("RGB", (32, 16), "white")
    image.paste(RED, (0, 0, 16, 16))  # the left half
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise: left becomes top
    read = read_image(saved(tmp_path / f"a.{ending}", image, exif=exif))
    assert read.size == (16, 32)
    top, bottom = np.asarray(read, int)[4, 8], np.asarray(read, int)[28, 8]
    assert np.abs(top - RED).max() < 30
    assert bottom.min() > 225


def test_broken_exif_turns_nothing(tmp_path: Path) -> None:
    path = saved(
        tmp_path / "a.jpg", Image.new("RGB", (32, 16)), exif=b"Exif\0\0MM\0*\xff\xff\xff\xff"
    )
    assert read_image(path).size == (32, 16)


def test_an_animation_gives_its_first_frame(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "green", "blue")]
    path = saved(tmp_path / "a.gif", frames[0], save_all=True, append_images=frames[1:])
    assert read_image(path).getpixel((4, 4)) == (255, 0, 0)


def test_a_telephones_pair_of_images_gives_the_first(tmp_path: Path) -> None:
    both = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    path = saved(tmp_path / "a.jpg", both[0], format="MPO", save_all=True, append_images=both[1:])
    assert np.abs(np.asarray(read_image(path), int)[8, 8] - (255, 0, 0)).max() < 5


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (5000, 2)])
def test_extreme_shapes_are_read(tmp_path: Path, size: tuple[int, int]) -> None:
    assert read_image(saved(tmp_path / "a.png", Image.new("L", size)), at_least=64).size == size


def test_a_large_jpeg_is_shrunk_while_it_is_decoded_but_not_below(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.jpg", Image.new("RGB", (1600, 800), RED))
    assert read_image(path, at_least=100).size == (200, 100)
    assert read_image(path, at_least=101).size == (400, 200)
    assert read_image(path, at_least=1).size == (200, 100)
    assert read_image(path).size == (1600, 800)
    assert shorter_side(path) == 800


def test_the_ending_of_the_name_does_not_matter(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.new("RGB", (4, 4), RED)).rename(tmp_path / "a.jpg")
    assert read_image(path).getpixel((0, 0)) == RED


def empty(path: Path) -> None:
    path.write_bytes(b"")


def no_image(path: Path) -> None:
    path.write_text("not an image, whatever its name says")


def postscript(path: Path) -> None:
    path.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n")


def bomb(path: Path) -> None:
    path.write_bytes(png(10_000, 10_000))


def larger_bomb(path: Path) -> None:
    path.write_bytes(png(60_000, 60_000))


def missing(path: Path) -> None:
    path.symlink_to(path.parent / "gone.png")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (empty, "the file is empty"),
        (no_image, "not an image of a kind"),
        (postscript, "not an image of a kind"),
        (bomb, "10000 x 10000 pixels, more than the 89 million"),
        (larger_bomb, "more than the 89 million"),
        (missing, "no such file"),
    ],
)
def test_what_cannot_be_read_says_why(
    tmp_path: Path, make: Callable[[Path], None], reason: str
) -> None:
    make(tmp_path / "a.png")
    with pytest.raises(LitheError, match=reason):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize("ending", ["jpg", "png", "gif", "bmp", "tif", "webp", "ppm"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
@pytest.mark.parametrize("at_least", [None, 1])
def test_a_truncated_file_is_never_read(
    tmp_path: Path, ending: str, share: float, at_least: int | None
) -> None:
    path = saved(tmp_path / f"a.{ending}", draw(3, 0, sides=(60, 80)))
    whole = path.read_bytes()
    read_image(path)
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(LitheError) as raised:
        read_image(path, at_least)
    assert "\n" not in str(raised.value)


def test_damage_raises_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    rng = np.random.default_rng(0)
    for ending in ("png", "jpg", "gif", "tif", "webp"):
        whole = bytearray(saved(tmp_path / f"b.{ending}", draw(3, 0)).read_bytes())
        for _ in range(60):
            damaged = bytearray(whole)
            for place in rng.integers(0, len(whole), 5):
                damaged[place] = rng.integers(256)
            path.write_bytes(damaged)
            try:
                assert read_image(path).mode in ("L", "RGB")
            except LitheError as error:
                assert "\n" not in str(error)


def test_grey_is_what_shows_no_colour() -> None:
    grey = draw(0, 0, grey=True)
    assert is_grey(grey)
    assert is_grey(grey.convert("RGB"))
    tinted = grey.convert("RGB")
    tinted.putpixel((3, 3), (10, 10, 11))
    assert not is_grey(tinted)


def test_the_limit_is_where_pillow_begins_to_warn() -> None:
    assert pytest.approx(Image.MAX_IMAGE_PIXELS, rel=0.01) == MAX_PIXELS
