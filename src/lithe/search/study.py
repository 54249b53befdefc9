"""The trials of a search in Optuna's store: each is there as a whole, or not at all."""

import time
from dataclasses import dataclass
from hashlib import sha256

import msgspec
import optuna
from optuna.exceptions import DuplicatedStudyError
from optuna.samplers import RandomSampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from lithe.errors import LitheError
from lithe.search.budget import LIMITS, Budget, Limit, asked
from lithe.search.race import Standing
from lithe.search.sampler import (
    Choice,
    Choices,
    Direction,
    Parameters,
    distributions,
    draw,
)
from lithe.search.shortlist import Candidate
from lithe.search.store import ATTEMPTS, PAUSE_S, WAIT_S, open_store, shown, store_errors
from lithe.search.trial import Trial

ACCURACY = "accuracy"
RUN, SPACE = "run", "design space"  # of a study
CANDIDATE, STANDINGS = "candidate", "standings"  # of a trial, as are the following
GENERATION, PARENT, REASON = "generation", "parent", "reason"


def minimised(budget: Budget) -> tuple[Limit, ...]:
    """The costs that are objectives beside accuracy: all limited ones if there are several.

    With a single limit, width is what the limit allows, and accuracy is all there is to ask
    for. With several, one of them decides the width, and the others can still be saved.
    """
    limits = tuple(limit for limit, _ in asked(budget))
    return limits if len(limits) > 1 else ()


@dataclass(frozen=True, slots=True)
class Study:
    """A search's trials in a store, under a name.

    Every method that reads or writes raises `LitheError` where the store does not answer.
    What was written before stays.
    """

    url: str
    name: str
    run: str
    costs: tuple[Limit, ...]
    choices: Choices
    seed: int
    optuna: optuna.Study

    @property
    def directions(self) -> tuple[Direction, ...]:
        """Accuracy up, costs down."""
        return _directions(self.costs)

    def trials(self) -> tuple[Trial, ...]:
        """All that were begun, in order; those that did not fit are left out."""
        return tuple(_trial(row) for row in self._rows() if CANDIDATE in row.user_attrs)

    def misfits(self) -> tuple[tuple[int, dict[str, Choice]], ...]:
        """Points that no width makes fit, each with the generation it was drawn for."""
        return tuple(
            (row.user_attrs[GENERATION], row.params)
            for row in self._rows()
            if CANDIDATE not in row.user_attrs
        )

    def newest_misfit(self, generation: int) -> dict[str, Choice] | None:
        """The newest point if it is a misfit of this generation."""
        row = self._rows()[-1]
        misfit = row.user_attrs[GENERATION] == generation and CANDIDATE not in row.user_attrs
        return row.params if misfit else None

    def address(self, *numbers: int) -> tuple[int, ...]:
        """What decides a draw: the seed, how many points there are, and `numbers`."""
        return (self.seed, len(self._rows()), *numbers)

    def draw(self, attempt: int, at_random: bool = False) -> dict[str, Choice]:
        """Parameters to try next, the same at every call until a trial is added or told."""
        rows = self._rows()
        known = [row for row in rows if row.state != TrialState.FAIL]
        return draw(self.choices, known, self.directions, self.address(attempt), at_random)

    def begin(
        self, generation: int, parameters: Parameters, candidate: Candidate, parent: int | None
    ) -> None:
        """Add a trial that is to be trained."""
        attributes = {
            "label": candidate.arch.label,
            GENERATION: generation,
            PARENT: parent,
            **_costs(candidate),
            CANDIDATE: msgspec.to_builtins(candidate),
        }
        self._add(TrialState.RUNNING, parameters, attributes)

    def add_misfit(self, generation: int, parameters: Parameters) -> None:
        """Add a point that no width makes fit, so that others like it are avoided."""
        reason = "no width of it fits the budget"
        self._add(TrialState.PRUNED, parameters, {GENERATION: generation, REASON: reason})

    def record(self, number: int, standing: Standing) -> None:
        """Keep how good a running trial is now."""
        with store_errors(self.url):
            row = self._row(number)
            trial = optuna.Trial(self.optuna, row._trial_id)
            if not self.costs:  # Optuna draws a curve of these, of a single value only
                trial.report(standing.accuracy, standing.epochs)
            standings = (*_standings(row), standing)
            trial.set_user_attr(STANDINGS, msgspec.to_builtins(standings))

    def tell(self, number: int) -> None:
        """The trial has been trained as far as it will be: its last accuracy counts."""
        trial = _trial(self._row(number))
        assert trial.standing is not None
        values = [trial.standing.accuracy]
        for cost in self.costs:
            value = cost.price(trial.candidate.price)
            if value is None:
                raise LitheError(f"{trial.candidate.arch.label} has no {cost.what} to minimise")
            values.append(value)
        with store_errors(self.url):
            self.optuna.tell(number, values)

    def tell_lost(self, number: int, reason: str) -> None:
        """The trial could not be trained."""
        with store_errors(self.url):
            trial = optuna.Trial(self.optuna, self._row(number)._trial_id)
            trial.set_user_attr(REASON, reason)
            self.optuna.tell(number, state=TrialState.FAIL)

    def check_owner(self) -> None:
        """Make sure that the study is still this run's.

        Raises:
            LitheError: another run works in it, or it is about another design space.
        """
        with store_errors(self.url):
            kept = self.optuna.user_attrs
            directions = tuple(d.name.lower() for d in self.optuna.directions)
        what = f"the study {self.name!r} in {shown(self.url)}"
        if kept.get(RUN) != self.run:
            raise LitheError(
                f"{what} belongs to the run {kept.get(RUN)}; go on with that one by --resume, "
                "or give this one another name or store"
            )
        if directions != self.directions or kept.get(SPACE) != _digest(self.choices):
            raise LitheError(
                f"{what} was begun with another design space or other objectives, "
                "perhaps by another version of lithe; start a new run"
            )

    def _rows(self) -> list[FrozenTrial]:
        # Without what others may have put there, such as trials queued in the dashboard.
        with store_errors(self.url):
            rows = self.optuna.get_trials(deepcopy=False)
        return [row for row in rows if GENERATION in row.user_attrs]

    def _row(self, number: int) -> FrozenTrial:
        return next(row for row in self._rows() if row.number == number)

    def _add(
        self, state: TrialState, parameters: Parameters, attributes: dict[str, object]
    ) -> None:
        kinds = distributions({name: self.choices[name] for name in parameters})
        with store_errors(self.url):
            self.optuna.add_trial(
                create_trial(
                    state=state,
                    params=dict(parameters),
                    distributions=kinds,
                    user_attrs=attributes,
                )
            )


def open_study(
    url: str,
    name: str,
    run: str,
    choices: Choices,
    costs: tuple[Limit, ...] = (),
    seed: int = 0,
    wait_s: float = WAIT_S,
) -> Study:
    """The study `name` in the store at `url`, made if there is none.

    `run` tells this run from all others. `costs` are minimised beside accuracy, which is
    maximised. `wait_s` is how many seconds a write waits for another program.

    Raises:
        LitheError: no store that can be used, or the study is another run's.
    """
    storage = open_store(url, wait_s)
    with store_errors(url):
        sampler = RandomSampler(seed)  # is never asked; see `sampler.draw`
        try:
            optuna_study = optuna.create_study(
                storage=storage, study_name=name, directions=_directions(costs), sampler=sampler
            )
        except DuplicatedStudyError:
            optuna_study = optuna.load_study(storage=storage, study_name=name, sampler=sampler)
            _wait_for_its_owner(optuna_study)
        if RUN not in optuna_study.user_attrs:  # new, or its maker was killed right here
            optuna_study.set_metric_names([ACCURACY, *(cost.what for cost in costs)])
            optuna_study.set_user_attr(SPACE, _digest(choices))
            optuna_study.set_user_attr(RUN, run)
    study = Study(url, name, run, costs, choices, seed, optuna_study)
    study.check_owner()
    return study


def _wait_for_its_owner(study: optuna.Study) -> None:
    # Between the making of a study and the writing of whose it is lie some milliseconds.
    for _ in range(ATTEMPTS):
        if RUN in study.user_attrs:
            return
        time.sleep(PAUSE_S)


def _directions(costs: tuple[Limit, ...]) -> tuple[Direction, ...]:
    down: tuple[Direction, ...] = ("minimize",)
    return "maximize", *down * len(costs)


def _trial(row: FrozenTrial) -> Trial:
    attributes = row.user_attrs
    return Trial(
        number=row.number,
        generation=attributes[GENERATION],
        parameters=row.params,
        candidate=msgspec.convert(attributes[CANDIDATE], Candidate),
        parent=attributes[PARENT],
        standings=_standings(row),
        lost=attributes.get(REASON, "") if row.state == TrialState.FAIL else "",
        told=row.state.is_finished(),
    )


def _standings(row: FrozenTrial) -> tuple[Standing, ...]:
    return msgspec.convert(row.user_attrs.get(STANDINGS, ()), tuple[Standing, ...])


def _costs(candidate: Candidate) -> dict[str, float]:
    unit = {"count": "", "bytes": " (bytes)", "seconds": " (s)"}
    return {
        limit.what + unit[limit.unit]: cost
        for limit in LIMITS
        if (cost := limit.price(candidate.price)) is not None
    }


def _digest(choices: Choices) -> str:
    return sha256(msgspec.json.encode(dict(choices))).hexdigest()[:16]
