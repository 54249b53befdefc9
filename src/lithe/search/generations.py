"""The search: generations are drawn from what is known, raced, and told.

A generation is drawn as a whole before any of it is trained, and told as a whole after its
race. What a search finds is therefore decided by its seed, the images and the prices, not by
how many workers there are or which of them is done first.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from lithe.errors import LitheError
from lithe.search.race import Standing, epochs_run, halve
from lithe.search.sampler import Parameters, halfway, unlike
from lithe.search.shortlist import Candidate
from lithe.search.study import Study
from lithe.search.trial import Trial
from lithe.search.work import Lost, Work

MISFITS_PER_TRIAL = 10  # after so many points that do not fit a generation stays smaller
DUPLICATES = 24  # after so many draws of tables that are there, nothing new is to be had
FROM_THE_GOOD = 8  # so many of them by the sampler, the others at random

# What a set of parameters becomes: the widest table within the budget; None: none fits.
CandidateOf = Callable[[Parameters], Candidate | None]
# The trial whose weights are inherited, of those that have been trained.
ParentOf = Callable[[Parameters, Sequence[Trial]], int | None]
# Puts trials that are in a race together in order, those that are to go on first.
Order = Callable[[Mapping[int, tuple[Candidate, Standing]]], Sequence[int]]
TrainAll = Callable[[Sequence[Work], Callable[[Work, Standing | Lost], None]], None]


@dataclass(frozen=True, slots=True)
class Effort:
    """How much a search may train: `epochs` each in a race, `allowance_epochs` in all.

    `size` is how many trials a generation has. The first generation is raced whatever it
    takes; others are added while the allowance lasts.
    """

    epochs: int
    size: int
    allowance_epochs: int


def race_cost(count: int, epochs: int) -> int:
    """Epochs that a generation of `count` trials trains in all; one alone goes all the way."""
    return epochs if count == 1 else epochs_run(count, epochs)


def sizes(first: int, effort: Effort) -> Iterator[int]:
    """How many trials each generation has, beginning with `first`, the given ones."""
    spent, size = 0, first
    while size:
        yield size
        spent += race_cost(size, effort.epochs)
        size = next_size(spent, effort)


def next_size(spent: int, effort: Effort) -> int:
    """The largest generation that can be had after `spent` epochs; 0 if none."""
    fitting = (
        size
        for size in range(effort.size, 0, -1)
        if spent + race_cost(size, effort.epochs) <= effort.allowance_epochs
    )
    return next(fitting, 0)


def search(
    study: Study,
    first: Sequence[tuple[Parameters, Candidate]],
    candidate_of: CandidateOf,
    train: TrainAll,
    effort: Effort,
    parent_of: ParentOf | None = None,
    on_generation: Callable[[Sequence[Trial]], None] = lambda trials: None,
    order: Order | None = None,
) -> tuple[Trial, ...]:
    """Search until the allowance is spent, or nothing new can be drawn; all trials, in order.

    `first` are raced as generation 0, so the search can only add to them. `train` does a
    batch of works and tells of each when it is done (`Workers.train`). `on_generation` is
    called with the trials of a generation before they are trained. `order` decides who goes
    on after each part of a race; accuracy if None.

    A study that was begun goes on: what was told is not repeated, and running trials go on
    with the same numbers, parameters and standings.

    Raises:
        LitheError: all trials of a generation were lost, or the store does not answer.
    """
    generation, spent, size = 0, 0, len(first)
    while size:
        study.check_owner()
        if generation == 0:
            trials = _given(study, first)
        else:
            trials = _drawn(study, generation, size, candidate_of, parent_of)
        if not trials:
            break
        lost: dict[int, str] = {}
        if not any(trial.told and not trial.lost for trial in trials):
            on_generation(trials)
            lost = _race(study, trials, effort.epochs, train, order)
        _tell(study, trials, lost)
        generation += 1
        spent += race_cost(len(trials), effort.epochs)
        size = next_size(spent, effort)
    return study.trials()


def _members(study: Study, generation: int) -> tuple[Trial, ...]:
    return tuple(trial for trial in study.trials() if trial.generation == generation)


def _given(study: Study, first: Sequence[tuple[Parameters, Candidate]]) -> tuple[Trial, ...]:
    for parameters, candidate in first[len(_members(study, 0)) :]:
        study.begin(0, parameters, candidate, None)
    return _members(study, 0)


def _drawn(
    study: Study,
    generation: int,
    size: int,
    candidate_of: CandidateOf,
    parent_of: ParentOf | None,
) -> tuple[Trial, ...]:
    trials = study.trials()
    trained = [t for t in trials if t.generation < generation and t.standing and not t.lost]
    labels = {trial.candidate.arch.label for trial in trials}
    misfits: list[Parameters] = [parameters for _, parameters in study.misfits()]
    left = MISFITS_PER_TRIAL * size - sum(of == generation for of, _ in study.misfits())
    members = _members(study, generation)
    missing = 0 if any(m.standings or m.told for m in members) else size - len(members)
    again = 0
    while missing and left and again < DUPLICATES:
        misfit = study.newest_misfit(generation)
        if again == 0 and misfit is not None:
            parameters, candidate = _mended(study, misfit, candidate_of)
        else:
            parameters = study.draw(again, at_random=again >= FROM_THE_GOOD)
            candidate = None if parameters in misfits else candidate_of(parameters)
        if parameters in misfits or (candidate and candidate.arch.label in labels):
            again += 1
        elif candidate is None:
            study.add_misfit(generation, parameters)
            misfits.append(parameters)
            left, again = left - 1, 0
        else:
            parent = parent_of(parameters, trained) if parent_of else None
            study.begin(generation, parameters, candidate, parent)
            labels.add(candidate.arch.label)
            missing, again = missing - 1, 0
    return _members(study, generation)


def _mended(
    study: Study, misfit: Parameters, candidate_of: CandidateOf
) -> tuple[Parameters, Candidate | None]:
    """A point on the way from a misfit to the trial most like it, the first that fits.

    The misfit itself where no trial has the same parameters, of its family for instance.
    """
    trials = [trial for trial in study.trials() if trial.parameters.keys() == misfit.keys()]
    if not trials:
        return misfit, None
    goal = min(trials, key=lambda trial: unlike(trial.parameters, misfit)).parameters
    parameters, candidate = misfit, None
    while candidate is None and parameters != goal:
        parameters = halfway(parameters, goal, study.address(unlike(parameters, goal)))
        candidate = candidate_of(parameters)
    return parameters, candidate


def _race(
    study: Study, trials: Sequence[Trial], epochs: int, train: TrainAll, order: Order | None
) -> dict[int, str]:
    """Race a generation; the numbers of those that were lost, with the reasons."""
    known = {trial.number: {s.epochs: s for s in trial.standings} for trial in trials}
    of_number = {trial.number: trial for trial in trials}
    lost = {trial.number: trial.lost for trial in trials if trial.lost}

    def on_done(work: Work, outcome: Standing | Lost) -> None:
        if isinstance(outcome, Lost):
            lost[work.trial] = outcome.reason
        else:
            study.record(work.trial, outcome)
            known[work.trial][outcome.epochs] = outcome

    def train_to(numbers: Sequence[int], epoch: int) -> dict[int, Standing]:
        works = [
            Work(n, of_number[n].candidate.arch, epoch, epochs, of_number[n].parent)
            for n in numbers
            if epoch not in known[n] and n not in lost
        ]
        if works:
            train(works, on_done)
        return {n: known[n][epoch] for n in numbers if n not in lost}

    def ordered(standings: Mapping[int, Standing]) -> Sequence[int]:
        assert order is not None
        return order({n: (of_number[n].candidate, s) for n, s in standings.items()})

    halve([trial.number for trial in trials], epochs, train_to, ordered if order else None)
    if len(lost) == len(trials):
        reasons = "; ".join(f"trial {number}: {reason}" for number, reason in lost.items())
        raise LitheError(f"all {len(trials)} trials of a generation were lost: {reasons}")
    return lost


def _tell(study: Study, trials: Sequence[Trial], lost: Mapping[int, str]) -> None:
    # The lost ones first: where one that was not lost has been told, the race is over.
    for trial in trials:
        if trial.number in lost and not trial.told:
            study.tell_lost(trial.number, lost[trial.number])
    for trial in trials:
        if trial.number not in lost and not trial.told:
            study.tell(trial.number)
