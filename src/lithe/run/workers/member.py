"""A member of a crew, from inside: it holds the task and does one work after the other."""

import traceback

from lithe.errors import LitheError
from lithe.run.machine import deterministic, make_fabric
from lithe.run.workers.crew import Done, Failed
from lithe.run.workers.trial import TrialTask, train_work
from lithe.search.work import Work


class Member:
    """Ready to train; the process it lives in belongs to it alone."""

    def __init__(self, task: TrialTask) -> None:
        self._task = task
        deterministic()
        self._fabric = make_fabric()

    def train(self, work: Work) -> Done | Failed:
        """Do a work; errors come back as values, since tracebacks would not survive the way."""
        try:
            # Epochs are told by the checkpoints, which the one who gave the work can see.
            return Done(train_work(self._task, work, self._fabric, lambda work, row: None))
        except LitheError as error:
            return Failed(str(error))
        except Exception:
            return Failed(traceback.format_exc(), defect=True)
