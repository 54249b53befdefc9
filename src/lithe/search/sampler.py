"""What to try next: one set of parameters, from all that have been tried.

The draw is a function of the trials and of numbers that name it, and keeps no state: it is
made in a study in memory that is built from the trials each time. A search that was killed
between two draws therefore goes on with the same ones.
"""

import random
from collections.abc import Mapping, Sequence
from copy import copy
from hashlib import sha256
from itertools import pairwise
from typing import Literal

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from lithe.search.quiet import quiet

Choice = str | int | float | bool
Parameters = Mapping[str, Choice]
# Names and their values, in the order in which they are drawn. Where there is a parameter
# `family`, one named `FAMILY.anything` is drawn only for that family.
Choices = Mapping[str, tuple[Choice, ...]]
Direction = Literal["maximize", "minimize"]
FAMILY = "family"

# Fewer trials than that say too little to prefer anything.
FEWEST_TRIALS = 4
# Of so many draws from where the good ones are, the one furthest from the others is taken.
DRAWS = 24


def drawn_for(choices: Choices, parameters: Parameters) -> Choices:
    """The choices that are drawn where `family` is what `parameters` say."""
    families = {str(family) for family in choices.get(FAMILY, ())}
    others = families - {str(parameters.get(FAMILY))}
    return {
        name: values for name, values in choices.items() if name.partition(".")[0] not in others
    }


def distributions(choices: Choices) -> dict[str, BaseDistribution]:
    """Optuna's names for choices: evenly spaced whole numbers are a range, others a set."""
    return {name: _distribution(values) for name, values in choices.items()}


def _distribution(values: tuple[Choice, ...]) -> BaseDistribution:
    whole = [value for value in values if isinstance(value, int) and not isinstance(value, bool)]
    steps = {after - before for before, after in pairwise(whole)}
    if len(whole) == len(values) and len(steps) == 1 and min(steps) > 0:
        return IntDistribution(whole[0], whole[-1], step=steps.pop())
    return CategoricalDistribution(values)


def draw(
    choices: Choices,
    trials: Sequence[FrozenTrial],
    directions: Sequence[Direction],
    address: tuple[int, ...],
    at_random: bool = False,
) -> dict[str, Choice]:
    """Parameters of the next trial: like the good ones of `trials` and unlike the others.

    `trials` are finished ones with values, pruned ones that count as worse than any, and
    running ones, which are avoided so that a batch that is drawn before any of it has
    finished does not hold the same point over and over. `address` are the numbers that
    decide the draw, such as the search's seed and how many draws were made before.

    Tree-structured Parzen estimator (Bergstra et al., NeurIPS 2011; multivariate as in
    Falkner et al., arXiv:1807.01774, section 3), over parameters of one family at a time.
    """
    seed = int.from_bytes(sha256(repr(address).encode()).digest()[:4])
    sampler: BaseSampler
    with quiet():
        if at_random:
            sampler = RandomSampler(seed)
        else:
            sampler = TPESampler(
                n_startup_trials=FEWEST_TRIALS,
                n_ei_candidates=DRAWS,
                seed=seed,
                multivariate=True,
                group=True,
                constant_liar=True,
                warn_independent_sampling=False,
            )
        study = optuna.create_study(sampler=sampler, directions=directions)
        study.add_trials(_bare(trial) for trial in _no_more_misfits_than_fits(trials))
        trial = study.ask()
        drawn: dict[str, Choice] = {}
        for name, values in choices.items():
            if name in drawn_for(choices, drawn):
                drawn[name] = _suggested(trial, name, values)
    return drawn


def unlike(a: Parameters, b: Parameters) -> int:
    """How many parameters two sets have not in common."""
    return len(set(a.items()) ^ set(b.items()))


def halfway(here: Parameters, there: Parameters, address: tuple[int, ...]) -> dict[str, Choice]:
    """Parameters of the same names with half of what differs, at least one, as `there`.

    >>> halfway({"n": 1, "k": 3}, {"n": 1, "k": 5}, (0,))
    {'n': 1, 'k': 5}
    """
    differs = [name for name in here if here[name] != there[name]]
    changed = random.Random(repr(address)).sample(differs, (len(differs) + 1) // 2)
    return {name: there[name] if name in changed else value for name, value in here.items()}


def _suggested(trial: optuna.Trial, name: str, values: tuple[Choice, ...]) -> Choice:
    match _distribution(values):
        case IntDistribution(low=low, high=high, step=step):
            return trial.suggest_int(name, low, high, step=step)
        case _:
            return values[values.index(trial.suggest_categorical(name, values))]


def _bare(trial: FrozenTrial) -> FrozenTrial:
    # Optuna copies all there is of a trial, and what lithe keeps with it takes most of the time.
    bare = copy(trial)
    bare.user_attrs = {}
    return bare


def _no_more_misfits_than_fits(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    # The sampler takes a tenth of all for good; many that do not fit would make bad ones good.
    pruned = [trial for trial in trials if trial.state == TrialState.PRUNED]
    fits = sum(trial.state == TrialState.COMPLETE for trial in trials)
    dropped = {trial.number for trial in pruned[: max(0, len(pruned) - fits)]}
    return [trial for trial in trials if trial.number not in dropped]
