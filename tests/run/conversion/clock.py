"""Made-up seconds where a conversion would measure: quick, and the same every time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest
from torch import nn

from lithe.graph.ops import Shape
from lithe.profiling.latency import Latency
from lithe.profiling.rounds import Way
from lithe.profiling.values import RunLatency


@dataclass
class Clock:
    """What timing finds. A layer alone, then its replacements; the whole before and after."""

    layers: tuple[float, ...] = (100e-6, 40e-6, 50e-6, 60e-6)
    eager: tuple[float, ...] = (250e-6, 150e-6)  # a layer alone, and what it became
    whole: tuple[float, ...] = (400e-6, 200e-6)
    alone: tuple[float, ...] = (400e-6, 200e-6)  # of networks timed by themselves, in order
    timed: int = 0
    in_eager: list[tuple[tuple[str, ...], Shape]] = field(default_factory=list)  # what was timed

    def times_of(self, modules: Sequence[nn.Module], shape: Shape, threads: int) -> list[float]:
        """In place of `lithe.run.conversion.times.times_of`."""
        return list(self.layers[: len(modules)])

    def eager_times_of(self, modules: Sequence[nn.Module], shape: Shape) -> tuple[float, ...]:
        """In place of `lithe.run.conversion.times.eager_times_of`."""
        self.in_eager.append((tuple(type(each).__name__ for each in modules), shape))
        return self.eager[: len(modules)]

    def in_turns(
        self, ways: Sequence[Way], advance: object, longest_s: float
    ) -> tuple[RunLatency, ...]:
        """In place of `lithe.profiling.turns.in_turns`."""
        if len(ways) == 1:
            found: Sequence[float] = (self.alone[min(self.timed, len(self.alone) - 1)],)
            self.timed += 1
        else:
            found = self.whole
        return tuple(
            RunLatency(Latency(s, s, s, 4, way.threads, way.runtime), 0, ())
            for way, s in zip(ways, found, strict=True)
        )


def made_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """A clock that stands in for all timing of a conversion."""
    clock = Clock()
    monkeypatch.setattr("lithe.run.conversion.sensitivity.times_of", clock.times_of)
    monkeypatch.setattr("lithe.run.conversion.finish.eager_times_of", clock.eager_times_of)
    monkeypatch.setattr("lithe.profiling.turns.in_turns", clock.in_turns)
    yield clock
