"""The loop: it learns, it repeats itself, it goes on where it stopped."""

from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor

from lithe.arch import architecture
from lithe.errors import LitheError
from lithe.nets.build import Network, build
from lithe.progress import Progress
from lithe.training.history import EpochRow
from lithe.training.images import ImageData, open_data
from lithe.training.loader import loader
from lithe.training.loop import _optimizer, train
from lithe.training.recipe import Recipe, learning_rate, recipe_for
from lithe.training.transforms import preprocessing

ARCH = architecture("shallow_mobilenet", width=0.1, resolution=8, num_classes=10, in_channels=1)
RECIPE = Recipe(epochs=3, batch_size=64, learning_rate=4e-3, warmup_epochs=0.5)


@pytest.fixture(scope="module")
def digits() -> ImageData:
    return open_data("digits", seed=0, progress=Progress(quiet=True))


@pytest.fixture(scope="module")
def fabric() -> Fabric:
    fabric = Fabric(accelerator="cpu", devices=1)
    fabric.launch()
    return fabric


def run(
    data: ImageData,
    fabric: Fabric,
    recipe: Recipe = RECIPE,
    checkpoint: Path | None = None,
    stop_after: int | None = None,
    workers: int = 0,
    network: Network | None = None,
) -> tuple[Network, tuple[EpochRow, ...]]:
    torch.manual_seed(1)
    network = network or build(ARCH)
    prep = preprocessing(8, 1)
    batches = loader(
        data.train, prep, batch_size=64, seed=5, strength=recipe.augmentation, workers=workers
    )
    held_out = loader(data.held_out, prep, batch_size=256, seed=5, strength=None, workers=0)
    history = train(
        network,
        batches,
        held_out,
        recipe,
        fabric=fabric,
        seed=5,
        checkpoint=checkpoint,
        stop_after=stop_after,
    )
    return network, history


def weights(network: Network) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(
        torch.equal(first[name], second[name]) for name in first
    )


def figures(history: tuple[EpochRow, ...]) -> list[tuple[float, ...]]:
    """Everything but the seconds, which no two runs share."""
    return [(r.epoch, r.train_loss, r.train_accuracy, r.val_loss, r.val_accuracy) for r in history]


@pytest.mark.smoke
def test_it_learns(digits: ImageData, fabric: Fabric) -> None:
    network, history = run(digits, fabric)
    assert [row.epoch for row in history] == [1, 2, 3]
    assert history[-1].train_loss < history[0].train_loss
    assert history[-1].val_accuracy > 0.4  # ten classes: 0.1 by chance
    assert not network.training


def test_the_same_seed_gives_the_same_bits_whatever_the_workers(
    digits: ImageData, fabric: Fabric
) -> None:
    first, history = run(digits, fabric)
    torch.rand(17)  # what others draw in between changes nothing
    second, again = run(digits, fabric, workers=2)
    assert same(weights(first), weights(second))
    assert figures(history) == figures(again)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_a_training_that_stops_and_goes_on_ends_with_the_same_bits(
    digits: ImageData, fabric: Fabric, tmp_path: Path, optimizer: str
) -> None:
    recipe = Recipe(
        epochs=3,
        batch_size=64,
        learning_rate=4e-3,
        optimizer=optimizer,  # type: ignore[arg-type]
    )
    whole, history = run(digits, fabric, recipe)
    checkpoint = tmp_path / "state.safetensors"
    for stop_after in (1, 2):
        _, part = run(digits, fabric, recipe, checkpoint, stop_after)
        assert len(part) == stop_after
    resumed, again = run(digits, fabric, recipe, checkpoint)
    assert same(weights(whole), weights(resumed))
    assert figures(history) == figures(again)


def test_a_checkpoint_of_another_training_or_a_damaged_one_is_refused(
    digits: ImageData, fabric: Fabric, tmp_path: Path
) -> None:
    checkpoint = tmp_path / "state.safetensors"
    run(digits, fabric, RECIPE, checkpoint, stop_after=1)
    other = Recipe(epochs=4, batch_size=64, learning_rate=4e-3)
    with pytest.raises(LitheError, match="another recipe or seed"):
        run(digits, fabric, other, checkpoint)
    whole = checkpoint.read_bytes()
    for length in (0, 7, 100, len(whole) // 2):
        checkpoint.write_bytes(whole[:length])
        with pytest.raises(LitheError, match="cannot be read"):
            run(digits, fabric, RECIPE, checkpoint)


def test_a_loss_that_is_no_number_ends_the_training(digits: ImageData, fabric: Fabric) -> None:
    broken = build(ARCH)
    torch.nn.init.constant_(broken.classifier.weight, float("nan"))
    with pytest.raises(LitheError, match=r"no longer a number in epoch 1; a learning rate below"):
        run(digits, fabric, network=broken)


def test_weight_decay_spares_depthwise_weights_norms_and_biases() -> None:
    network = build(ARCH)
    decayed, spared = (group["params"] for group in _optimizer(network, RECIPE).param_groups)
    names = {id(p): name for name, p in network.named_parameters()}
    assert {names[id(p)].rpartition(".")[0].rpartition(".")[2] for p in decayed} == {
        "conv",
        "classifier",
    }
    assert not any("depthwise" in names[id(p)] for p in decayed)
    assert len(decayed) + len(spared) == len(names)


def test_the_learning_rate_rises_then_falls_along_a_cosine() -> None:
    recipe = Recipe(epochs=20, batch_size=32, learning_rate=1.0, warmup_epochs=4)
    rates = [learning_rate(recipe, epoch / 10) for epoch in range(201)]
    assert 0 < rates[0] < 0.01
    assert max(rates) == rates[40] == pytest.approx(1.0)
    assert rates[120] == pytest.approx(0.5)
    assert rates[200] == pytest.approx(0.0)
    assert rates[:41] == sorted(rates[:41])
    assert rates[40:] == sorted(rates[40:], reverse=True)


@pytest.mark.parametrize(("images", "epochs"), [(100, 40), (2_000, 40), (10_000, 23), (10**6, 15)])
def test_few_images_are_shown_more_often(images: int, epochs: int) -> None:
    assert recipe_for(images, 300_000).epochs == epochs


def test_small_networks_and_many_images_are_distorted_less() -> None:
    assert [recipe_for(20_000, n).augmentation for n in (3_000, 300_000, 3_000_000)] == [
        0.2,
        0.5,
        0.75,
    ]
    assert recipe_for(2_000, 300_000).augmentation == 0.75
    assert recipe_for(200_000, 300_000).augmentation == 0.25
