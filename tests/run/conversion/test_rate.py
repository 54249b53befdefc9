"""The rate of a fine-tuning is the highest at which a short training loses nothing."""

from pathlib import Path

import pytest
import torch
from tests.data_sets import make_folder
from torch import nn

from lithe.progress import SILENT
from lithe.run.conversion.original import calibration_of, set_apart
from lithe.run.conversion.rate import SHARES, rate_by_trial
from lithe.run.conversion.sensitivity import Batches
from lithe.run.conversion.state import ConversionSettings
from lithe.training.image_set import ImageSet, spread
from lithe.training.images import open_data
from lithe.training.loop import DivergedError
from lithe.training.recipe import Recipe
from lithe.training.transforms import preprocessing

RECIPE = Recipe(epochs=7, batch_size=4, learning_rate=2.0)


@pytest.fixture
def images(tmp_path: Path) -> ImageSet:
    folder = make_folder(tmp_path / "images", classes=2, per_class=5, sides=(8, 9))
    return open_data(str(folder), seed=0, progress=SILENT, workers=0).train


def network_and_images() -> tuple[nn.Linear, Batches]:
    """Two classes, told apart by the sign of one input."""
    network = nn.Linear(1, 2, bias=False)
    with torch.no_grad():
        network.weight.copy_(torch.tensor([[-1.0], [1.0]]))
    x = torch.tensor([[-1.0], [1.0]])
    return network, ((x, torch.tensor([0, 1])),)


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(10.0, SHARES[0]), (0.25, SHARES[1]), (0.03, SHARES[3]), (0.0, None)],
)
def test_the_highest_that_loses_nothing(
    limit: float, expected: float | None, images: ImageSet, tmp_path: Path
) -> None:
    """Above the limit a training turns the weights round, at it or below it makes them larger."""
    network, judged = network_and_images()
    tried: list[Recipe] = []

    def train(given: nn.Module, some: ImageSet, recipe: Recipe, checkpoint: Path) -> None:
        assert given is not network
        assert len(some) == len(images)
        assert checkpoint.parent == tmp_path / "work"
        tried.append(recipe)
        with torch.no_grad():
            given.weight.mul_(1.1 if recipe.learning_rate <= limit else -1)  # type: ignore[operator]

    before = network.weight.clone()
    rate = rate_by_trial(network, images, judged, RECIPE, train, tmp_path / "work")
    assert rate == (None if expected is None else pytest.approx(2.0 * expected))
    assert torch.equal(network.weight, before)
    count = len(SHARES) if expected is None else SHARES.index(expected) + 1
    assert [recipe.learning_rate for recipe in tried] == [2.0 * each for each in SHARES[:count]]
    assert {recipe.epochs for recipe in tried} == {1}


def test_a_rate_at_which_the_loss_is_no_number_is_too_high(
    images: ImageSet, tmp_path: Path
) -> None:
    network, judged = network_and_images()

    def train(given: nn.Module, some: ImageSet, recipe: Recipe, checkpoint: Path) -> None:
        if recipe.learning_rate > 0.1:
            raise DivergedError("the loss is no longer a number")

    rate = rate_by_trial(network, images, judged, RECIPE, train, tmp_path)
    assert rate == pytest.approx(2.0 * SHARES[2])


def test_many_images_are_not_all_tried(
    images: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lithe.run.conversion.rate.IMAGES", 3)
    network, judged = network_and_images()
    seen: list[tuple[int, ...]] = []

    def train(given: nn.Module, some: ImageSet, recipe: Recipe, checkpoint: Path) -> None:
        seen.append(tuple(some.labels))

    rate_by_trial(network, images, judged, RECIPE, train, tmp_path)
    assert seen == [(0, 0, 1)]


@pytest.mark.parametrize(
    ("calibration", "apart"), [(2, (1, 5)), (4, (1, 5)), (6, (3,)), (8, ()), (99, ())]
)
def test_images_set_apart_do_not_calibrate(calibration: int, apart: tuple[int, ...]) -> None:
    """Of eight images; where all of them calibrate there are no others."""
    assert set_apart(8, calibration) == apart
    assert not set(apart) & set(spread(8, calibration))


def test_a_calibration_has_other_images_to_judge_by(images: ImageSet) -> None:
    settings = ConversionSettings("", None, "", ("separable",), calibration=4)
    found = calibration_of(images, preprocessing(8, 3), settings)
    ((used, _),), ((apart, labels),) = found.batches, found.apart
    assert (len(used), len(apart)) == (4, 2)
    assert not any(torch.equal(x, other) for x in apart for other in used)
    assert labels.tolist() == [images.labels[index] for index in set_apart(len(images), 4)]
