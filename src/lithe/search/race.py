"""A short race: all train a little, the better half trains on, until one is left."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, inf, isnan
from typing import TypeVar

SHARES = (0.5, 1.0)  # of the race's epochs, after which the field is halved
FEWEST_STEPS = 240

Key = TypeVar("Key", str, int)


@dataclass(frozen=True, slots=True)
class Standing:
    """How good a candidate was when it was last looked at; larger is better.

    `accuracy` is a share on images kept aside for the race, `loss` decides between equals.
    """

    accuracy: float
    loss: float
    epochs: int


def race_epochs(epochs: int, steps: int) -> int:
    """A fifth of the full training, but at least 4 epochs and 240 steps if it has as many.

    `steps` are those of one epoch: where images are few an epoch teaches little, and the
    first rung would compare networks that have learned nothing yet.
    """
    return min(epochs, max(4, ceil(epochs / 5), ceil(FEWEST_STEPS / max(steps, 1))))


def survivors(count: int, share: float) -> int:
    """How many of `count` go on after that share of the race."""
    return 1 if share == SHARES[-1] else max(1, count // 2)


def epochs_run(count: int, epochs: int) -> int:
    """Epochs that a race of `count` trains in all."""
    total, before = 0, 0
    for share in SHARES if count > 1 else ():
        total += count * (_rung(epochs, share) - before)
        count, before = survivors(count, share), _rung(epochs, share)
    return total


def _rung(epochs: int, share: float) -> int:
    return max(1, round(epochs * share))


def halve(
    field: Sequence[Key],
    epochs: int,
    train_to: Callable[[Sequence[Key], int], Mapping[Key, Standing]],
    order: Callable[[Mapping[Key, Standing]], Sequence[Key]] | None = None,
) -> dict[Key, Standing]:
    """The last standing of everyone in a race of `epochs`; one alone goes all the way.

    `train_to` trains some of the field up to an epoch and gives their standings; one that is
    missing there was lost and is out of the race. `order` puts those that are to go on first;
    by accuracy if None.

    Successive halving: after half of `epochs` the better half goes on. Halving after a
    quarter was tried and judged too early: after about 30 steps on ten classes networks for
    64 pixels had 11 to 13 % right, which is chance.
    """
    standings: dict[Key, Standing] = {}
    remaining = list(field)
    for share in SHARES if len(remaining) > 1 else SHARES[-1:]:
        if not remaining:
            break
        reached = train_to(remaining, _rung(epochs, share))
        standings |= reached
        places = survivors(len(remaining), share)
        remaining = [key for key in remaining if key in reached]
        ranks = {key: standings[key] for key in remaining}
        remaining = list(order(ranks) if order else by_accuracy(ranks))[:places]
    return standings


def by_accuracy(standings: Mapping[Key, Standing]) -> list[Key]:
    """The keys of some standings, the better first."""
    return sorted(standings, key=lambda key: better_first(standings[key]))


def better_first(standing: Standing) -> tuple[float, float]:
    """A key to sort by: accuracy, then loss; a loss that is not a number comes last."""
    loss = standing.loss
    return -standing.accuracy, inf if isnan(loss) else loss
