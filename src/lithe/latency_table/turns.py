"""A network timed beside the reference network, in turns that lie seconds apart.

A shared machine changes its clock, and neighbours take its caches, for a second or some. Within
a turn the slow moments are told by their own runs: what counts is the lower decile of the runs
of every step, in relation to the lower decile of the reference's runs. A slow second is told by
the other turns: what counts is the median of the turns. On the machine that this was written
on, steps measured in three turns of a sixth of a second repeat within some 3 % (nine of ten of
them), in one turn of half a second within 11 %.
"""

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from lithe.engine.network import CompiledNetwork

_WHOLE, _STEPS, _REFERENCE = 3, 3, 3  # runs in a row, behind one that wakes the caches
_CALM_PERCENTILE = 10.0
_SEED = 0

_Outcome = TypeVar("_Outcome")


@dataclass(frozen=True, slots=True)
class Effort:
    """How long a network is measured: `turns` of `turn_s`, `apart` networks between two of them.

    There are up to `most_turns` where turns disagree by more than `agree`, or where the
    machine was slow in all of them.
    """

    turns: int = 3
    turn_s: float = 0.16
    apart: int = 3
    most_turns: int = 6
    agree: float = 1.04


USUAL = Effort()


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn: steps and whole run in times of the reference's run, and that in seconds.

    `reference_s` is the median of the reference's runs, which also sees moments that were
    not calm.
    """

    steps: NDArray[np.float64]
    whole: float
    reference_s: float


@dataclass(frozen=True, slots=True)
class Runs:
    """A compiled network with an input that it is timed with."""

    network: CompiledNetwork
    inputs: tuple[NDArray[np.float32], ...]

    def whole_s(self) -> float:
        """Seconds of one run."""
        began = time.perf_counter()
        self.network(*self.inputs)
        return time.perf_counter() - began

    def steps_s(self) -> tuple[float, ...]:
        """Seconds of each step in one run."""
        return self.network.step_times(*self.inputs)


def ready(network: CompiledNetwork) -> Runs:
    """A network with normal random numbers to work on, the same each time.

    Its weights may be zeros: that makes no difference, where tiny numbers would.
    """
    random = np.random.default_rng(_SEED)
    inputs = (random.standard_normal(shape, np.float32) for shape in network.input_shapes)
    return Runs(network, tuple(inputs))


def take_turn(runs: Runs, reference: Runs, turn_s: float) -> Turn:
    """Rounds of reference, whole runs and runs by step until `turn_s` have passed; one at least."""
    whole: list[float] = []
    steps: list[tuple[float, ...]] = []
    beside: list[float] = []
    was = gc.isenabled()
    gc.disable()  # no garbage is collected in the middle of a run
    try:
        until = time.perf_counter() + turn_s
        while not whole or time.perf_counter() < until:
            beside += _burst(reference.whole_s, _REFERENCE)
            whole += _burst(runs.whole_s, _WHOLE)
            steps += _burst(runs.steps_s, _STEPS)
    finally:
        if was:
            gc.enable()
    reference_s = _calm(beside)
    return Turn(
        steps=np.percentile(steps, _CALM_PERCENTILE, axis=0) / reference_s,
        whole=_calm(whole) / reference_s,
        reference_s=median(beside),
    )


def agreed(turns: Sequence[Turn]) -> Turn:
    """The median of turns, step by step."""
    return Turn(
        np.median([turn.steps for turn in turns], axis=0),
        median(turn.whole for turn in turns),
        median(turn.reference_s for turn in turns),
    )


def _calm(seconds: Sequence[float]) -> float:
    return float(np.percentile(seconds, _CALM_PERCENTILE))


def _burst(run: Callable[[], _Outcome], count: int) -> list[_Outcome]:
    run()
    return [run() for _ in range(count)]
