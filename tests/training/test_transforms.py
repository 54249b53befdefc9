"""What is done to an image before a network sees it."""

import numpy as np
import pytest
import torch
from PIL import Image
from tests.data_sets import draw

from lithe.errors import LitheError
from lithe.nets.card import Preprocessing
from lithe.training.transforms import (
    decoded_side,
    eval_transform,
    preprocessing,
    train_transform,
)


def gradient(width: int, height: int) -> Image.Image:
    row = np.linspace(0, 255, width).astype(np.uint8)
    return Image.fromarray(np.tile(row, (height, 1)))


@pytest.mark.smoke
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("strength", [None, 0.0, 0.5, 1.0])
@pytest.mark.parametrize("size", [(1, 1), (8, 8), (37, 20), (3, 4000), (4000, 1)])
def test_every_image_becomes_an_input(
    channels: int, mode: str, strength: float | None, size: tuple[int, int]
) -> None:
    prep = preprocessing(24, channels)
    transform = eval_transform(prep) if strength is None else train_transform(prep, strength)
    x = transform(Image.new(mode, size, "white"))
    assert (x.shape, x.dtype) == ((channels, 24, 24), torch.float32)
    assert x.isfinite().all()


def test_values_are_scaled_and_normalised() -> None:
    prep = Preprocessing(resolution=2, mean=(0.5, 0.25, 0.0), std=(0.5, 0.25, 2.0))
    x = eval_transform(prep)(Image.new("RGB", (2, 2), (255, 0, 51)))
    assert x[:, 0, 0].tolist() == pytest.approx([1.0, -1.0, 0.1])


def test_a_photograph_is_cropped_not_squashed() -> None:
    prep = Preprocessing(resolution=50, mean=(0.0,), std=(1.0,))
    x = eval_transform(prep)(gradient(300, 100))[0]
    # The centred 100 of 300 columns: grey from a third to two thirds, all rows alike.
    assert x[0, 0] == pytest.approx(1 / 3, abs=0.02)
    assert x[-1, -1] == pytest.approx(2 / 3, abs=0.02)
    assert (x.std(0) < 1e-6).all()


def test_shrinking_averages_instead_of_picking() -> None:
    checks = Image.fromarray((np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8))
    prep = Preprocessing(resolution=16, mean=(0.0,), std=(1.0,))
    x = eval_transform(prep)(checks)
    assert (x - 0.5).abs().max() < 0.02


def test_no_strength_is_no_distortion() -> None:
    image, prep = draw(3, 1), preprocessing(16, 3)
    assert torch.equal(train_transform(prep, 0)(image), eval_transform(prep)(image))


@pytest.mark.parametrize("channels", [1, 3])
def test_distortion_grows_with_strength(channels: int) -> None:
    image, prep = draw(3, 1, sides=(64, 64)), preprocessing(32, channels)
    plain = eval_transform(prep)(image)

    def change(strength: float) -> float:
        """The mean change of a value, apart from mirroring, which is the same at any strength."""
        torch.manual_seed(0)
        drawn = [train_transform(prep, strength)(image) for _ in range(60)]
        return float(
            np.mean([min((x - y).abs().mean() for y in (plain, plain.flip(2))) for x in drawn])
        )

    assert 0 < change(0.05) < 0.7 * change(0.3) < 0.7 * change(1.0)


def mirrored_share(channels: int) -> float:
    """How often a gradient comes out falling."""
    prep = preprocessing(16, channels)
    transform = train_transform(prep, 1.0)
    torch.manual_seed(0)
    falls = [
        float(x[..., 0].mean() > x[..., -1].mean())
        for x in map(transform, [gradient(32, 32)] * 200)
    ]
    return sum(falls) / len(falls)


def test_only_colour_images_are_mirrored() -> None:
    assert 0.4 < mirrored_share(3) < 0.6
    assert mirrored_share(1) == 0


@pytest.mark.parametrize("grey", [0, 255])
def test_what_comes_in_from_outside_is_background(grey: int) -> None:
    paper = Image.new("L", (20, 20), grey)
    transform = train_transform(Preprocessing(resolution=20, mean=(0.0,), std=(1.0,)), 1.0)
    torch.manual_seed(0)
    for _ in range(20):
        x = transform(paper)
        assert x.max() - x.min() < 1e-6


def test_decoding_keeps_the_pixels_of_the_smallest_crop() -> None:
    assert decoded_side(preprocessing(96, 3)) == 192


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_a_strength_out_of_range_is_refused(strength: float) -> None:
    with pytest.raises(LitheError, match="not between 0 and 1"):
        train_transform(preprocessing(16, 3), strength)


def test_channels_that_images_do_not_have_are_refused() -> None:
    with pytest.raises(LitheError, match="1 or 3 channels here, not 2"):
        preprocessing(16, 2)
    with pytest.raises(LitheError, match="1 or 3 channels here, not 4"):
        eval_transform(Preprocessing(resolution=8, mean=(0.0,) * 4, std=(1.0,) * 4))
