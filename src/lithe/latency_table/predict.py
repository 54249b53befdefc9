"""From a table of measured steps to the latency of a network that nobody has compiled."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median

import numpy as np

from lithe.arch import Architecture
from lithe.errors import LitheError
from lithe.latency_table.estimate import Estimator
from lithe.latency_table.fill import Plan
from lithe.latency_table.values import Context, NetworkTimes, PlannedStep, Predicted

FOLDS = 5


@dataclass(frozen=True, slots=True)
class PredictionError:
    """How far predictions are from measurements: shares of the measured time.

    Each network was predicted by a table that did not hold it.
    """

    networks: int
    median: float
    p90: float
    worst: float


@dataclass(frozen=True, slots=True)
class Overhead:
    """A run takes `call_s` and `factor` times the sum of its steps."""

    call_s: float
    factor: float

    def whole(self, steps_s: float) -> float:
        """Seconds of a run whose steps take so many."""
        return self.call_s + self.factor * steps_s


class TablePredictor:
    """Predicts from a table of one context; see `Predictor`.

    A step that is in the table takes the median of its times there. One that is not is
    estimated from those that are. A network takes their sum and what goes on between them,
    which is fitted to the networks that the table was made of.
    """

    def __init__(self, context: Context, networks: Sequence[NetworkTimes], plan: Plan) -> None:
        self.context = context
        self.networks = tuple(networks)
        self.plan = plan
        self._table = _Table(self.networks)

    def __call__(self, archs: Sequence[Architecture]) -> tuple[Predicted, ...]:
        """One prediction for each table, in order.

        Raises:
            LitheError: a table of fewer than 50 steps, or one with an operator that the
                engine does not have.
        """
        found = []
        for seconds, known in self._table.predict(self.plan(archs)):
            share = min(1.0, known / seconds) if seconds else 1.0
            found.append(Predicted(seconds, share, self.context.threads, self.context.cpu))
        return tuple(found)

    @cached_property
    def error(self) -> PredictionError | None:
        """The error on the table's own networks, each left out of what predicts it.

        It takes some seconds, once. None where there are too few to tell.
        """
        return left_out(self.networks)


class _Table:
    """Medians of known steps, an estimator for the others, and the overhead of a call."""

    def __init__(self, networks: Sequence[NetworkTimes]) -> None:
        by_step: dict[tuple[str, int], list[float]] = defaultdict(list)
        self._times = [time for network in networks for time in network.steps]
        for time in self._times:
            by_step[_key(time.step)].append(time.seconds)
        self._known: Mapping[tuple[str, int], float] = {
            key: median(seconds) for key, seconds in by_step.items()
        }
        self._estimated: dict[tuple[str, int], float] = {}
        self._overhead = overhead(networks)

    @cached_property
    def _estimator(self) -> Estimator:
        return Estimator(self._times)

    def predict(self, plans: Sequence[Sequence[PlannedStep]]) -> list[tuple[float, float]]:
        """Seconds of each network, and how many of them were looked up."""
        unknown = {
            _key(step): step
            for plan in plans
            for step in plan
            if _key(step) not in self._known and _key(step) not in self._estimated
        }
        if unknown:
            seconds = self._estimator.seconds(tuple(unknown.values()))
            self._estimated |= dict(zip(unknown, map(float, seconds), strict=True))
        found = []
        for plan in plans:
            known = sum(self._known.get(_key(step), 0.0) for step in plan)
            other = sum(
                self._estimated[_key(step)] for step in plan if _key(step) not in self._known
            )
            whole = self._overhead.whole(known + other)
            found.append((whole, whole * known / (known + other) if other else whole))
        return found


def left_out_error(networks: Sequence[NetworkTimes]) -> PredictionError:
    """Predict each fifth of the networks from the other four.

    Raises:
        LitheError: too few of them.
    """
    errors: list[float] = []
    for fold in range(FOLDS):
        kept = [network for index, network in enumerate(networks) if index % FOLDS != fold]
        out = [network for index, network in enumerate(networks) if index % FOLDS == fold]
        predicted = _Table(kept).predict([[time.step for time in each.steps] for each in out])
        errors += [
            abs(seconds / each.whole_s - 1)
            for (seconds, _), each in zip(predicted, out, strict=True)
        ]
    return error_of(errors)


def left_out(networks: Sequence[NetworkTimes]) -> PredictionError | None:
    """The error on networks that were left out; None where there are too few to tell."""
    try:
        return left_out_error(networks)
    except LitheError:
        return None


def error_of(errors: Sequence[float]) -> PredictionError:
    """What single relative errors amount to."""
    middle, p90 = np.percentile(errors, (50, 90))
    return PredictionError(len(errors), float(middle), float(p90), max(errors))


def overhead(networks: Sequence[NetworkTimes]) -> Overhead:
    """The line through sums of steps and whole runs that has the least relative error."""
    if not networks:
        return Overhead(0.0, 1.0)
    whole = np.array([network.whole_s for network in networks])
    sums = np.array([sum(time.seconds for time in network.steps) for network in networks])
    if len(networks) < 3 or np.ptp(sums) < 0.5 * np.median(sums):
        return Overhead(0.0, float(np.median(whole / sums)))
    columns = np.stack([1 / whole, sums / whole], 1)
    (call_s, factor), *_ = np.linalg.lstsq(columns, np.ones(len(whole)), rcond=None)
    return Overhead(float(call_s), float(factor))


def _key(step: PlannedStep) -> tuple[str, int]:
    return step.kernel, step.units
