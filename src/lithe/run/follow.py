"""Under torchrun one process decides what is trained, and all of them train it together."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from lightning_fabric import Fabric

from lithe.search.race import Standing
from lithe.search.work import Lost, Work, Workers

OnDone = Callable[[Work, Standing | Lost], None]


@contextmanager
def followed(
    workers: Workers, fabric: Fabric
) -> Iterator[Callable[[Sequence[Work], OnDone], None]]:
    """`workers.train` for the process that decides; the others do the same works by `follow`."""

    def train(works: Sequence[Work], on_done: OnDone) -> None:
        fabric.broadcast(tuple(works))
        workers.train(works, on_done)

    try:
        yield train
    finally:
        fabric.broadcast(None)


def follow(workers: Workers, fabric: Fabric) -> None:
    """Do what the first process does, until it is done."""
    nothing: tuple[Work, ...] | None = None
    while (works := fabric.broadcast(nothing)) is not None:
        workers.train(works, lambda work, outcome: None)
