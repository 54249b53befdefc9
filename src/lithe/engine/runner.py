"""Runs of one loaded program: with all threads together, or a piece of a batch in each."""

from collections.abc import Sequence
from math import prod
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from lithe.engine.layout import dealt_pieces
from lithe.engine.loaded import Loaded, Pieces, Workspace
from lithe.engine.runtime import Native, Team, team_of


class Runner:
    """A program with the threads and the memory that its calls need.

    Memory is made when there is none idle, so there are as many arenas as there ever were
    calls at once.
    """

    def __init__(self, loaded: Loaded, native: Native, threads: int) -> None:
        program = loaded.program
        self._loaded = loaded
        self._native = native
        self._threads = threads
        self._team: Team | None = team_of(native, threads) if threads > 1 else None
        self._idle: list[Workspace] = []
        self._idle_pieces: list[Pieces] = []
        # Bytes from one piece of a batch to the next, of inputs and outputs.
        self.strides = [4 * prod(shape) for shape in (*program.inputs, *program.outputs)]

    def once(self, places: Sequence[int]) -> None:
        """Run the program with inputs and outputs at these addresses, by all threads."""
        workspace = _pop(self._idle) or Workspace(self._loaded, self._threads)
        workspace.point(places)
        self._run(workspace.job)
        self._idle.append(workspace)

    def timed(self, places: Sequence[int]) -> tuple[float, ...]:
        """The same, and the seconds that each step took until its last thread was done."""
        stamps: NDArray[np.int64] = np.zeros((len(self._loaded.program.steps) + 1, 2), np.int64)
        workspace = _pop(self._idle) or Workspace(self._loaded, self._threads)
        workspace.point(places)
        workspace.stamp(stamps)
        self._run(workspace.job)
        workspace.stamp(None)
        self._idle.append(workspace)
        nanoseconds = np.diff(stamps[:, 0] * 1_000_000_000 + stamps[:, 1])
        return tuple(1e-9 * float(each) for each in nanoseconds)

    def pieces(self, places: Sequence[int], count: int) -> None:
        """Run it on `count` pieces that lie one behind the other.

        As many as can be dealt out evenly are run by one thread each from end to end; the
        others by all threads together.
        """
        dealt = dealt_pieces(count, self._threads)
        if dealt:
            pieces = _pop(self._idle_pieces) or Pieces(
                self._loaded, self._native.each, self._threads
            )
            pieces.point(places, self.strides, dealt)
            self._run(pieces.job)
            self._idle_pieces.append(pieces)
        for index in range(dealt, count):
            self.once(moved(places, self.strides, index))

    def _run(self, job: int) -> None:
        if self._team is None or not self._team.run(job):
            self._native.alone(job)


def moved(places: Sequence[int], strides: Sequence[int], count: int) -> list[int]:
    """Addresses so many strides further on."""
    return [place + count * stride for place, stride in zip(places, strides, strict=True)]


_Pooled = TypeVar("_Pooled")


def _pop(pool: list[_Pooled]) -> _Pooled | None:
    """One from a pool, also where another thread takes the last one just now."""
    try:
        return pool.pop()
    except IndexError:
        return None
