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

import numpy as np
from numpy.typing import NDArray

from lithe.engine.network import CompiledNetwork

try:
    import resource
except ImportError:  # not everywhere
    resource = None  # type: ignore[assignment]

_BURST = 3  # runs of one kind in a row
_ENOUGH = 3  # calm runs
_SEED = 0
_ROUNDS = 2  # at least
_STEPS_AT_LEAST = 0.88  # of a whole run that was left alone; 0.96 is usual
_CALL_S = 20e-6


@dataclass(frozen=True, slots=True)
class Effort:
    """How long a network is measured: `turns` of `turn_s`, `apart` networks between two of them.

    There are up to `most_turns` where turns disagree by more than `agree`, or where the
    machine was slow in all of them.
    """

    turns: int = 3
    turn_s: float = 0.16
    apart: int = 3
    most_turns: int = 8
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

    @property
    def undisturbed(self) -> bool:
        """Whether the steps are most of the whole; beside them a call costs some microseconds.

        Where the system takes the processor away in the middle of every run, a long run never
        comes through at once, but nearly all of its steps do.
        """
        return float(self.steps.sum()) > _STEPS_AT_LEAST * (self.whole - _CALL_S / self.reference_s)


@dataclass(frozen=True, slots=True)
class Runs:
    """A compiled network with an input that it is timed with."""

    network: CompiledNetwork
    inputs: tuple[NDArray[np.float32], ...]

    def whole_s(self) -> tuple[float]:
        """Seconds of one run."""
        began = time.perf_counter()
        self.network(*self.inputs)
        return (time.perf_counter() - began,)

    def steps_s(self) -> tuple[float, ...]:
        """Seconds of each step in one run."""
        return self.network.step_times(*self.inputs)


@dataclass(frozen=True, slots=True)
class _Run:
    seconds: tuple[float, ...]
    calm: bool  # the system took no processor away for other work


def ready(network: CompiledNetwork) -> Runs:
    """A network with normal random numbers to work on, the same each time.

    Its weights may be zeros: that makes no difference, where tiny numbers would.
    """
    random = np.random.default_rng(_SEED)
    inputs = (random.standard_normal(shape, np.float32) for shape in network.input_shapes)
    return Runs(network, tuple(inputs))


def take_turn(runs: Runs, reference: Runs, turn_s: float) -> Turn:
    """Rounds of reference, whole runs and runs by step until `turn_s` have passed; two at least."""
    whole: list[_Run] = []
    steps: list[_Run] = []
    beside: list[_Run] = []
    was = gc.isenabled()
    gc.disable()  # no garbage is collected in the middle of a run
    try:
        until = time.perf_counter() + turn_s
        while len(whole) < _ROUNDS * _BURST or time.perf_counter() < until:
            beside += _burst(reference.whole_s)
            whole += _burst(runs.whole_s)
            steps += _burst(runs.steps_s)
    finally:
        if was:
            gc.enable()
    (reference_s,) = _lower_decile(beside)
    (whole_s,) = _lower_decile(whole)
    return Turn(
        steps=_lower_decile(steps) / reference_s,
        whole=float(whole_s / reference_s),
        reference_s=median(run.seconds[0] for run in beside),
    )


def agreed(turns: Sequence[Turn]) -> Turn:
    """The median of turns, step by step."""
    return Turn(
        np.median([turn.steps for turn in turns], axis=0),
        median(turn.whole for turn in turns),
        median(turn.reference_s for turn in turns),
    )


def _lower_decile(runs: Sequence[_Run]) -> NDArray[np.float64]:
    """Of the runs that were left alone, where there are some."""
    calm = [run for run in runs if run.calm]
    counted = calm if len(calm) >= _ENOUGH else runs
    decile: NDArray[np.float64] = np.percentile([run.seconds for run in counted], 10, axis=0)
    return decile


def _burst(run: Callable[[], tuple[float, ...]]) -> list[_Run]:
    """Some runs in a row, behind one that fetches weights back into the caches."""
    run()
    found = []
    for _ in range(_BURST):
        before = _interruptions()
        seconds = run()
        found.append(_Run(seconds, _interruptions() == before))
    return found


def _interruptions() -> int:
    """How often the system took a processor away from this process so far, where it says so."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw if resource else 0
