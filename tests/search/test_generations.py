"""The search over a made-up landscape."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.search.made_up import CHOICES, accuracy, candidate_of, first, train

from lithe.errors import LitheError
from lithe.search.budget import Budget
from lithe.search.generations import Effort, race_cost, search, sizes
from lithe.search.race import Standing
from lithe.search.sampler import Choices, Parameters, unlike
from lithe.search.shortlist import Candidate
from lithe.search.store import IN_MEMORY
from lithe.search.study import Study, minimised, open_study
from lithe.search.trial import Trial, best_first
from lithe.search.work import Lost, Work

OnDone = Callable[[Work, Standing | Lost], None]
EFFORT = Effort(epochs=4, size=4, allowance_epochs=44)

V2: Parameters = {
    "family": "mobilenet_v2",
    "resolution": 32,
    "squeeze": False,
    "mobilenet_v2.0.n": 2,
    "mobilenet_v2.0.t": 4,
    "mobilenet_v2.0.k": 3,
}


def in_memory(seed: int = 0, **limits: int) -> Study:
    costs = minimised(Budget(**limits))
    return open_study(IN_MEMORY, "photos", "first", CHOICES, costs, seed)


def searched(study: Study, effort: Effort = EFFORT) -> tuple[Trial, ...]:
    return search(study, first(), candidate_of, train, effort)


def test_the_given_ones_are_raced_first_and_generations_are_drawn_after_them() -> None:
    trials = searched(in_memory())
    assert [trial.candidate for trial in trials[:3]] == [candidate for _, candidate in first()]
    assert [trial.generation for trial in trials] == [0] * 3 + [1] * 4 + [2] * 4 + [3] * 4
    assert all(trial.told and not trial.lost for trial in trials)
    for generation in range(4):
        field = [trial for trial in trials if trial.generation == generation]
        full = [trial for trial in field if [s.epochs for s in trial.standings] == [2, 4]]
        half = [trial for trial in field if [s.epochs for s in trial.standings] == [2]]
        assert len(full) == len(field) // 2
        assert len(half) == len(field) - len(full)
        assert min(t.standings[0].accuracy for t in full) >= max(
            t.standings[0].accuracy for t in half
        )


def test_a_seed_decides_everything() -> None:
    assert searched(in_memory(5)) == searched(in_memory(5))
    assert searched(in_memory(5)) != searched(in_memory(6))


def test_no_table_is_trained_twice_and_none_that_does_not_fit() -> None:
    effort = Effort(epochs=1, size=8, allowance_epochs=50)
    trials = searched(in_memory(), effort)
    labels = [trial.candidate.arch.label for trial in trials]
    assert len(set(labels)) == len(labels) >= 48
    assert all(candidate_of(trial.parameters) == trial.candidate for trial in trials)


def test_a_space_without_anything_new_ends_the_search() -> None:
    few: Choices = {
        "family": ("mobilenet_v1",),
        "resolution": (32, 48, 64),
        "squeeze": (False, True),
        "mobilenet_v1.0.n": (1, 2, 3),
    }

    def no_larger(parameters: Parameters) -> Candidate | None:
        return candidate_of(parameters) if parameters["resolution"] != 64 else None

    study = open_study(IN_MEMORY, "photos", "first", few)
    effort = Effort(epochs=1, size=8, allowance_epochs=10_000)
    trials = search(study, first(), no_larger, train, effort)
    assert len({trial.candidate.arch.label for trial in trials}) == len(trials) == 2 * 2 * 3


def test_a_tight_budget_is_met_near_what_is_known_to_fit() -> None:
    """Only points that differ in one choice from one of two fit."""
    fits: list[Parameters] = [
        {**V2, "resolution": 32, "squeeze": squeeze} for squeeze in (False, True)
    ]

    def tight(parameters: Parameters) -> Candidate | None:
        near = min(unlike(parameters, each) for each in fits) <= 2  # one choice differs
        return candidate_of(parameters) if near else None

    given_ones = [(fits[0], candidate) for candidate in [candidate_of(fits[0])] if candidate]
    trials = search(in_memory(), given_ones, tight, train, EFFORT)
    assert len(trials) == sum(sizes(1, EFFORT))
    assert len({trial.candidate.arch.label for trial in trials}) == len(trials)


@given(st.integers(1, 20), st.integers(1, 12), st.integers(1, 12), st.integers(0, 500))
def test_the_allowance_is_kept(count: int, epochs: int, size: int, allowance: int) -> None:
    effort = Effort(epochs, size, allowance)
    generations = list(sizes(count, effort))
    costs = [race_cost(n, epochs) for n in generations]
    assert generations[0] == count
    assert sum(costs) <= max(allowance, costs[0])
    assert all(n == size for n in generations[1:-1])
    left = allowance - sum(costs)
    assert left < race_cost(1, epochs)


def test_what_is_trained_is_what_was_allowed() -> None:
    trained: dict[int, int] = {}

    def counting(works: Sequence[Work], on_done: OnDone) -> None:
        for work in works:
            trained[work.trial] = work.to_epoch
        train(works, on_done)

    search(in_memory(), first(), candidate_of, counting, EFFORT)
    assert sum(trained.values()) == sum(race_cost(n, 4) for n in sizes(3, EFFORT)) <= 44


@pytest.mark.parametrize("before", [False, True])
def test_stopped_anywhere_and_resumed_is_never_stopped(before: bool) -> None:
    """KeyboardInterrupt before or after each single training that the search makes."""
    effort = Effort(epochs=4, size=3, allowance_epochs=24)
    whole = searched(in_memory(3), effort)
    trainings = sum(len(trial.standings) for trial in whole)
    done: list[tuple[int, int]] = []

    def stops(works: Sequence[Work], on_done: OnDone) -> None:
        for work in works:
            if before and len(done) not in stopped:
                stopped.add(len(done))
                raise KeyboardInterrupt
            done.append((work.trial, work.to_epoch))
            on_done(work, Standing(accuracy(work), 1.0, work.to_epoch))
            if not before and len(done) not in stopped:
                stopped.add(len(done))
                raise KeyboardInterrupt

    stopped: set[int] = set()
    study = in_memory(3)
    for _ in range(trainings):
        with pytest.raises(KeyboardInterrupt):
            search(study, first(), candidate_of, stops, effort)
    assert search(study, first(), candidate_of, stops, effort) == whole
    assert len(done) == len(set(done)) == trainings  # and nothing was trained twice


def test_stopped_at_any_write_and_resumed_is_never_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    effort = Effort(epochs=4, size=3, allowance_epochs=24)
    whole = searched(in_memory(4), effort)
    draw = random.Random(4)
    stops = 0
    for name in ("begin", "add_misfit", "record", "tell"):
        method = getattr(Study, name)

        def interrupted(*arguments: object, method: Callable[..., None] = method) -> None:
            nonlocal stops
            where = draw.random()
            if where < 0.1:
                stops += 1
                raise KeyboardInterrupt
            method(*arguments)
            if where < 0.2:
                stops += 1
                raise KeyboardInterrupt

        monkeypatch.setattr(Study, name, interrupted)
    study = in_memory(4)
    trials: tuple[Trial, ...] | None = None
    while trials is None:
        try:
            trials = searched(study, effort)
        except KeyboardInterrupt:
            continue
    assert trials == whole
    assert stops > 5


def test_a_lost_trial_is_told_and_the_search_goes_on() -> None:
    def loses(works: Sequence[Work], on_done: OnDone) -> None:
        for work in works:
            if work.trial in (0, 4) or (work.trial == 5 and work.to_epoch == 4):
                on_done(work, Lost("its worker died 3 times"))
            else:
                on_done(work, Standing(0.5, 1.0, work.to_epoch))

    study = in_memory()
    trials = search(study, first(), candidate_of, loses, EFFORT)
    lost = [trial for trial in trials if trial.lost]
    assert [trial.number for trial in lost] == [0, 4, 5]
    assert {trial.lost for trial in lost} == {"its worker died 3 times"}
    assert len(trials) == 15
    assert all(trial not in lost for trial in best_first(trials))
    assert search(study, first(), candidate_of, loses, EFFORT) == trials


def test_a_generation_of_which_nothing_is_left_is_an_error_and_tried_again() -> None:
    def loses(works: Sequence[Work], on_done: OnDone) -> None:
        for work in works:
            on_done(work, Lost("no memory"))

    study = in_memory()
    message = "all 3 trials of a generation were lost: trial 0: no memory; trial 1: no memory"
    with pytest.raises(LitheError, match=message):
        search(study, first(), candidate_of, loses, EFFORT)
    assert searched(study) == searched(in_memory())


def test_neighbours_hand_on_weights_only_after_they_were_trained() -> None:
    seen: list[tuple[int, tuple[int, ...]]] = []
    parents: dict[int, int | None] = {}

    def newest(parameters: Parameters, trained: Sequence[Trial]) -> int | None:
        seen.append((len(seen), tuple(trial.generation for trial in trained)))
        return trained[-1].number

    def noting(works: Sequence[Work], on_done: OnDone) -> None:
        parents.update({work.trial: work.parent for work in works})
        train(works, on_done)

    trials = search(in_memory(), first(), candidate_of, noting, EFFORT, parent_of=newest)
    assert parents == {trial.number: trial.parent for trial in trials}
    generation = {trial.number: trial.generation for trial in trials}
    for number, parent in parents.items():
        if generation[number] == 0:
            assert parent is None
        else:
            assert parent is not None
            assert generation[parent] < generation[number]


def test_several_limits_are_several_objectives() -> None:
    study = in_memory(max_macs=2000, max_params=500)
    trials = searched(study)
    told = study.optuna.trials
    for trial, row in zip(trials, told, strict=True):
        price = trial.candidate.price
        assert trial.standing
        assert row.values == [trial.standing.accuracy, price.macs, price.params]
    assert study.optuna.metric_names == ["accuracy", "MACs", "parameters"]
    assert minimised(Budget(max_macs=1)) == ()


def test_best_is_by_accuracy_then_loss_then_age() -> None:
    trial = searched(in_memory())[0]
    outcomes = [(0.5, 1.0), (0.6, float("nan")), (0.6, 2.0), (0.6, 2.0)]
    trials = [
        replace(trial, number=n, standings=(Standing(a, loss, 4),))
        for n, (a, loss) in enumerate(outcomes)
    ]
    unknown = replace(trial, number=9, standings=())
    assert [t.number for t in best_first([*trials, unknown])] == [2, 3, 1, 0]
