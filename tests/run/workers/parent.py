"""A process with two workers that prints their numbers once both are at work."""

import sys
from contextlib import closing
from pathlib import Path

from tests.run.workers.tasks import task_in, works

from lithe.run.workers.crew import Gang
from lithe.run.workers.make import side_by_side
from lithe.run.workers.processes import Processes
from lithe.search.work import Work
from lithe.training.history import EpochRow


def main() -> int:
    """Train until somebody ends it."""

    def epoch(work: Work, row: EpochRow) -> None:
        at_work = workers.at_work()
        if len(at_work) == 2:
            print(*(place.pid for place in at_work.values()), flush=True)

    task = side_by_side(task_in(Path(sys.argv[1])), 2)
    with closing(Gang(Processes(task, 2), task, epoch, print)) as workers:
        try:
            workers.train(works(1000, 1000), lambda work, outcome: None)
        except KeyboardInterrupt:
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
