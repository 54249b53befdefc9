"""Draws: which parameters, how repeatable, and whether they are better than chance."""

from statistics import mean

from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial
from tests.search.made_up import CHOICES

from lithe.search.sampler import (
    Choice,
    Choices,
    Direction,
    Parameters,
    distributions,
    draw,
    drawn_for,
    halfway,
    unlike,
)

KINDS = distributions(CHOICES)
V1_ONLY: Choices = {
    **drawn_for(CHOICES, {"family": "mobilenet_v1"}),
    "family": ("mobilenet_v1",),
}
MAXIMIZE: tuple[Direction, ...] = ("maximize",)


def worth(parameters: Parameters) -> float:
    """Every choice counts, some of them only together."""
    kernels = {3: 0.0, 5: 0.3, 7: 0.1}
    result = 0.2 * CHOICES["resolution"].index(parameters["resolution"])
    result += 0.5 * bool(parameters["squeeze"])
    if parameters["family"] == "mobilenet_v1":
        return result + 0.1 * float(parameters["mobilenet_v1.0.n"])
    result += 0.1 * float(parameters["mobilenet_v2.0.n"]) - 0.2
    result += kernels[int(parameters["mobilenet_v2.0.k"])]
    return result + (0.4 if parameters["mobilenet_v2.0.t"] == 4 else 0.0)


def trial(parameters: Parameters, state: TrialState = TrialState.COMPLETE) -> FrozenTrial:
    return create_trial(
        state=state,
        params=dict(parameters),
        distributions={name: KINDS[name] for name in parameters},
        value=worth(parameters) if state == TrialState.COMPLETE else None,
    )


def found(seed: int, at_random: bool) -> float:
    """The best of 24 in generations of 6."""
    trials: list[FrozenTrial] = []
    for _ in range(4):
        batch: list[FrozenTrial] = []
        for _ in range(6):
            address = (seed, len(trials) + len(batch))
            drawn = draw(CHOICES, [*trials, *batch], MAXIMIZE, address, at_random)
            batch.append(trial(drawn, TrialState.RUNNING))
        trials += [trial(row.params) for row in batch]
    return max(row.value for row in trials if row.value is not None)


def test_better_than_chance() -> None:
    gains = [found(seed, at_random=False) - found(seed, at_random=True) for seed in range(20)]
    assert mean(gains) > 0.02
    assert sum(gain > 0 for gain in gains) > sum(gain < 0 for gain in gains)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**40), st.lists(st.booleans(), max_size=8), st.booleans())
def test_a_draw_is_of_one_family_and_the_same_every_time(
    seed: int, fitted: list[bool], at_random: bool
) -> None:
    trials: list[FrozenTrial] = []
    for number, fits in enumerate(fitted):
        drawn = draw(CHOICES, trials, MAXIMIZE, (seed, number), at_random)
        assert drawn == draw(CHOICES, trials, MAXIMIZE, (seed, number), at_random)
        assert list(drawn) == list(drawn_for(CHOICES, drawn))
        assert all(value in CHOICES[name] for name, value in drawn.items())
        trials.append(trial(drawn, TrialState.COMPLETE if fits else TrialState.PRUNED))


def test_other_numbers_are_other_draws() -> None:
    draws = {str(draw(CHOICES, [], MAXIMIZE, (0, n))) for n in range(20)}
    assert len(draws) > 10


def test_only_the_chosen_familys_parameters_are_drawn() -> None:
    names = drawn_for(CHOICES, {"family": "mobilenet_v1"})
    assert list(names) == ["family", "resolution", "squeeze", "mobilenet_v1.0.n"]


def test_even_steps_are_a_range_and_everything_else_a_set() -> None:
    choices: dict[str, tuple[Choice, ...]] = {
        "k": (3, 5, 7), "t": (2, 3, 4, 6), "act": ("relu6", "silu"), "squeeze": (False, True),
        "level": (0.25, 0.5), "n": (2,), "down": (3, 2, 1),
    }  # fmt: skip
    kinds = distributions(choices)
    assert kinds["k"] == IntDistribution(3, 7, step=2)
    assert {name for name, kind in kinds.items() if isinstance(kind, CategoricalDistribution)} == {
        "t", "act", "squeeze", "level", "n", "down",
    }  # fmt: skip
    drawn = draw(choices, [], MAXIMIZE, (1,))
    assert drawn["n"] == 2
    assert all(drawn[name] in values for name, values in choices.items())


def test_a_batch_that_runs_is_avoided() -> None:
    """Without being told of anything, the good ones would be drawn over and over."""
    good: Parameters = {
        "family": "mobilenet_v1",
        "resolution": 96,
        "squeeze": True,
        "mobilenet_v1.0.n": 4,
    }
    bad: Parameters = {
        "family": "mobilenet_v1",
        "resolution": 32,
        "squeeze": False,
        "mobilenet_v1.0.n": 1,
    }
    trials = [trial(good), *(trial(bad) for _ in range(5))]
    running = [trial(good, TrialState.RUNNING) for _ in range(12)]

    def repeats(known: list[FrozenTrial]) -> int:
        return sum(draw(CHOICES, known, MAXIMIZE, (seed,)) == good for seed in range(30))

    assert repeats(trials + running) < repeats(trials)


@given(st.integers(0, 2**40), st.integers(0, 2**40))
@settings(max_examples=20, deadline=None)
def test_half_of_what_differs_is_taken_over_until_nothing_does(a: int, b: int) -> None:
    here, there = (draw(V1_ONLY, [], MAXIMIZE, (seed,), at_random=True) for seed in (a, b))
    while here != there:
        between = halfway(here, there, (a, b))
        assert unlike(between, there) // 2 == unlike(here, there) // 4
        assert all(between[name] in (here[name], there[name]) for name in here)
        here = between
