"""A Ray cluster of two workers on this machine."""

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.run.workers.conftest import EPOCHS
from tests.run.workers.tasks import ARCHS, Told, works

from lithe import __version__
from lithe.errors import LitheError
from lithe.progress import SILENT
from lithe.run.machine import make_fabric
from lithe.run.workers.cluster import Cluster
from lithe.run.workers.crew import Gang
from lithe.run.workers.make import make_workers, side_by_side
from lithe.run.workers.node import look
from lithe.run.workers.trial import TrialTask
from lithe.search.race import Standing
from lithe.search.work import Lost, Work
from lithe.training.history import EpochRow
from lithe.training.image_set import FileImages


class TwoNodes:
    """A cluster of two nodes of one processor each, on this machine."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster as Nodes

        self._nodes: Any = Nodes(initialize_head=True, head_node_args={"num_cpus": 1})
        self._second = self._nodes.add_node(num_cpus=1)
        self._nodes.wait_for_nodes()
        self.address = self._nodes.address

    def lose_second(self) -> None:
        """Kill all of the second node's processes, once."""
        if self._second is not None:
            self._nodes.remove_node(self._second, allow_graceful=False)
            self._second = None

    def end(self) -> None:
        """Stop what is left."""
        self._nodes.shutdown()


def test_two_workers_one_killed_come_to_what_one_process_does(
    task: TrialTask,
    here: dict[int, Standing | Lost],
    capfd: pytest.CaptureFixture[str],
) -> None:
    told = Told()
    killed: list[int] = []

    def epoch(work: Work, row: EpochRow) -> None:
        told.epoch(work, row)
        at_work = workers.at_work()
        if not killed and work.trial in at_work:
            killed.append(at_work[work.trial].pid)
            os.kill(killed[0], signal.SIGKILL)

    task = side_by_side(task, None)
    workers = Gang(Cluster(task, "local", 2), task, epoch, told.said.append)
    workers.train(works(EPOCHS, EPOCHS), told.done)
    workers.close()
    assert told.outcomes == here
    assert sorted(told.epochs) == sorted(set(told.epochs))
    assert len(told.epochs) == EPOCHS * len(ARCHS)
    (line,) = told.said
    assert f"(process {killed[0]} on " in line
    assert list(task.folder.glob("work/seen-*")) == []
    assert tuple(capfd.readouterr()) == ("", "")  # Ray keeps its log to itself


@pytest.mark.slow
def test_what_a_node_did_that_disappears_is_done_by_another(
    task: TrialTask, here: dict[int, Standing | Lost]
) -> None:
    told = Told()
    task = side_by_side(task, None)
    cluster = TwoNodes()

    def epoch(work: Work, row: EpochRow) -> None:
        told.epoch(work, row)
        if len(workers.at_work()) == 2:
            cluster.lose_second()

    workers = Gang(Cluster(task, cluster.address, None), task, epoch, told.said.append)
    try:
        workers.train(works(EPOCHS, EPOCHS), told.done)
    finally:
        workers.close()
        cluster.end()
    assert told.outcomes == here


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("nowhere", "'nowhere' is no address of a Ray cluster; give auto, local, HOST:PORT"),
        ("http://127.0.0.1:1", "is no address of a Ray cluster"),
        ("127.0.0.1:1", "no Ray cluster at '127.0.0.1:1': .*refused"),
        ("ray://127.0.0.1:1", "no Ray cluster at 'ray://127.0.0.1:1': .*refused"),
    ],
)
def test_what_is_no_cluster_is_found_at_once(task: TrialTask, address: str, message: str) -> None:
    with pytest.raises(LitheError, match=message):
        make_workers(task, None, address, make_fabric(), SILENT)


def test_a_node_says_what_it_does_not_see(task: TrialTask, tmp_path: Path) -> None:
    path = task.folder / "work" / "seen-1"
    assert look(task, path, "word").problem.startswith(f"does not see {task.folder} (No such file")
    path.write_text("another")
    assert look(task, path, "word").problem.startswith(f"sees another file at {path}")
    path.write_text("word")
    assert look(task, path, "word").problem == ""
    assert look(task, path, "word").lithe == __version__
    assert [file.name for file in path.parent.iterdir()] == ["seen-1"]
    photos = FileImages(tmp_path, ("daisy/1.jpg",), (0,))
    problem = look(replace(task, aside=photos), path, "word").problem
    assert "cannot read the image 'daisy/1.jpg'" in problem
    assert "have to be on a file system that all machines share" in problem
