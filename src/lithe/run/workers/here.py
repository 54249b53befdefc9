"""This process trains all trials, one after the other."""

from collections.abc import Callable, Sequence

from lightning_fabric import Fabric

from lithe.run.workers.trial import OnEpoch, TrialTask, train_work
from lithe.search.race import Standing
from lithe.search.work import Lost, Work


class Here:
    """Trains on this process's Fabric.

    Under torchrun all processes are given the same works and train each trial together.
    """

    def __init__(self, task: TrialTask, fabric: Fabric, on_epoch: OnEpoch) -> None:
        self._task = task
        self._fabric = fabric
        self._on_epoch = on_epoch

    def train(
        self, works: Sequence[Work], on_done: Callable[[Work, Standing | Lost], None]
    ) -> None:
        """Do all works in order; see `lithe.search.work.Workers`."""
        for work in works:
            on_done(work, train_work(self._task, work, self._fabric, self._on_epoch))

    def close(self) -> None:
        """Nothing was started, so nothing has to end."""
