"""How many replacements keep the accuracy: found by training, on images that are kept aside."""

from lithe.errors import LitheError
from lithe.nets.conversion.places import Place
from lithe.run.conversion.carry import carried
from lithe.run.conversion.original import accuracy_of
from lithe.run.conversion.sensitivity import Calibration
from lithe.run.conversion.state import Round
from lithe.run.conversion.tune import Tuning
from lithe.run.conversion.work import Work
from lithe.training.image_set import ImageSet


def settle(
    work: Work,
    tuning: Tuning,
    there: tuple[Place, ...],
    images: tuple[ImageSet, ImageSet | None],
    calibration: Calibration,
) -> None:
    """How many of the chosen replacements are made: all, or as many as keep the accuracy.

    By bisection over the order of loss for saving; every length that is tried is trained.

    Raises:
        LitheError: not even the first of them keeps it.
    """
    original, settings, chosen = tuning.original, tuning.settings, work.state.chosen
    assert chosen is not None
    train_images, aside = images
    if settings.keep_accuracy is None or aside is None:
        work.update(rows=chosen)
        return
    before = accuracy_of(original.network, aside, original)
    tried = {each.replaced: each.accuracy for each in work.state.rounds}

    def holds(count: int) -> bool:
        if count not in tried:
            made = carried(original, chosen[:count], there, settings, calibration)
            folder = work.path / "work" / f"keep-{count}"
            judged = (train_images, aside)
            recipe = tuning.recipe(made.network, judged, calibration, folder)
            if recipe is not None:
                checkpoint = folder / "tune.safetensors"
                tuning.improve(made.network, recipe, judged, calibration, checkpoint)
            tried[count] = accuracy_of(made.network, aside, original)
            work.update(rounds=(*work.state.rounds, Round(count, tried[count])))
            tuning.progress.say(
                f"{count} layers replaced: {tried[count]:.1%} of the images kept aside right, "
                f"{before:.1%} before"
            )
        assert settings.keep_accuracy is not None
        return tried[count] >= before - settings.keep_accuracy - 1e-9

    low, high = 0, len(chosen)  # as many as low hold
    if high and holds(high):
        low = high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    if not low:
        raise LitheError(
            f"no replacement keeps the accuracy within {100 * settings.keep_accuracy:g} points of "
            f"{before:.1%}: {tried[1]:.1%} with one layer replaced; allow a larger loss, or more "
            "--epochs"
        )
    work.update(rows=chosen[:low])
