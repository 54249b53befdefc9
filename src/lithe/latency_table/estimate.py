"""Times of steps that nobody has measured, from those of steps like them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lithe.errors import LitheError
from lithe.latency_table.features import base_seconds
from lithe.latency_table.values import PlannedStep, StepTime

Floats = NDArray[np.float64]

FEWEST_STEPS = 50  # fewer say too little about all others


class Estimator:
    """Gradient-boosted trees on the logarithm of time over a crude bound of it.

    What is learned is how far a step is from the bound that its operations and bytes set
    (`base_seconds`): that is a number between 1 and about 10 whatever the step's size, so the
    trees need to tell shapes apart and not sizes. A step counts by the root of its seconds,
    since errors in long ones are errors of the network.
    """

    def __init__(self, times: Sequence[StepTime]) -> None:
        """Learn from measured times.

        Raises:
            LitheError: fewer than 50 of them.
        """
        if len(times) < FEWEST_STEPS:
            raise LitheError(
                f"the latency table has {len(times)} times of steps, and needs {FEWEST_STEPS} to "
                "estimate others from; `lithe device --latency-table` measures them"
            )
        # Of scikit-learn's parts this alone takes most of a second to import.
        from sklearn.ensemble import HistGradientBoostingRegressor

        features, base = _rows([time.step for time in times])
        seconds = np.array([time.seconds for time in times])
        self._trees = HistGradientBoostingRegressor(
            max_iter=400, learning_rate=0.06, max_leaf_nodes=24, min_samples_leaf=8, random_state=0
        )
        self._trees.fit(features, np.log(seconds / base), sample_weight=np.sqrt(seconds))

    def seconds(self, steps: Sequence[PlannedStep]) -> Floats:
        """Seconds of each step."""
        if not steps:
            return np.zeros(0)
        features, base = _rows(steps)
        estimated: Floats = np.exp(self._trees.predict(features)) * base
        return estimated


def _rows(steps: Sequence[PlannedStep]) -> tuple[Floats, Floats]:
    """Features of each step, and the time that its own is related to."""
    features = np.array([step.features for step in steps], np.float64)
    return features, np.array([base_seconds(step.features) for step in steps])
