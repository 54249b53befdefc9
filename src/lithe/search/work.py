"""What a worker is asked to do: train one trial a little further."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from lithe.arch import Architecture
from lithe.search.race import Standing


@dataclass(frozen=True, slots=True)
class Work:
    """Train a trial's network from where it stands up to the end of epoch `to_epoch`.

    `epochs` is the length of the schedule that this is a part of. A network that has not
    been trained yet begins with weights inherited from the trial `parent`, or, without one,
    with weights drawn from the run's seed, or pretrained ones where the run asks for them.
    """

    trial: int
    arch: Architecture
    to_epoch: int
    epochs: int
    parent: int | None = None


@dataclass(frozen=True, slots=True)
class Lost:
    """A trial that could not be trained, and why."""

    reason: str


class Workers(Protocol):
    """Who trains: this process, processes beside each other, or a cluster."""

    def train(
        self, works: Sequence[Work], on_done: Callable[[Work, "Standing | Lost"], None]
    ) -> None:
        """Do all works, as many at once as there are workers; tell of each once it is done.

        A worker that dies is replaced, and its work goes on from its last epoch.
        """
        ...

    def close(self) -> None:
        """Let the workers go."""
        ...
