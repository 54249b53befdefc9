"""Processes beside each other: the same figures, and none is left behind."""

import os
import select
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tests.run.workers import tasks
from tests.run.workers.conftest import EPOCHS
from tests.run.workers.tasks import ARCHS, Told, works

from lithe.errors import LitheError
from lithe.run.machine import make_fabric
from lithe.run.workers.crew import Gang
from lithe.run.workers.here import Here
from lithe.run.workers.make import side_by_side
from lithe.run.workers.processes import Processes
from lithe.run.workers.trial import TrialTask
from lithe.search.race import Standing
from lithe.search.work import Lost, Work
from lithe.training.history import EpochRow


def gang(task: TrialTask, told: Told, size: int = 2) -> Gang:
    task = side_by_side(task, size)
    return Gang(Processes(task, size), task, told.epoch, told.said.append)


def test_two_processes_one_killed_come_to_what_one_process_does(
    task: TrialTask, here: dict[int, Standing | Lost]
) -> None:
    told = Told()
    killed: list[int] = []

    def epoch(work: Work, row: EpochRow) -> None:
        told.epoch(work, row)
        at_work = workers.at_work()
        if not killed and work.trial in at_work:
            killed.append(at_work[work.trial].pid)
            os.kill(killed[0], signal.SIGKILL)

    task = side_by_side(task, 2)
    workers = Gang(Processes(task, 2), task, epoch, told.said.append)
    workers.train(works(EPOCHS, EPOCHS), told.done)
    workers.close()
    assert told.outcomes == here
    assert sorted(told.epochs) == sorted(set(told.epochs))
    assert len(told.epochs) == EPOCHS * len(ARCHS)
    (line,) = told.said
    assert f"died by signal 9 (SIGKILL) (process {killed[0]} on " in line
    assert "another goes on from the end of epoch " in line


@pytest.mark.slow
def test_what_kills_its_worker_again_and_again_is_lost_and_alone(
    task: TrialTask, here: dict[int, Standing | Lost]
) -> None:
    Here(task, make_fabric(), Told().epoch).train(works(1, EPOCHS)[:1], Told().done)
    task = replace(task, inherit=tasks.killed_by_its_own_hand)
    told = Told()
    workers = gang(task, told)
    poison = Work(7, ARCHS[0], 1, EPOCHS, parent=0)
    workers.train([poison, *works(EPOCHS, EPOCHS)], told.done)
    workers.close()
    lost = told.outcomes.pop(7)
    assert isinstance(lost, Lost)
    assert lost.reason.startswith("its worker died 3 times in epoch 1, the last by signal 9 (SIG")
    assert "--parallel" in lost.reason
    assert told.outcomes == here


def test_what_would_meet_every_trial_is_raised_and_ends_all(task: TrialTask) -> None:
    Here(task, make_fabric(), Told().epoch).train(works(1, EPOCHS)[:1], Told().done)
    task = replace(task, inherit=tasks.refused)
    workers = gang(task, Told())
    with pytest.raises(LitheError, match=r"^no space left for x \(3 bytes\)$"):
        workers.train([Work(7, ARCHS[0], 1, EPOCHS, parent=0)], Told().done)
    assert workers.at_work() == {}


@pytest.mark.parametrize(
    "how", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_processes_end_with_the_one_that_started_them(how: signal.Signals, tmp_path: Path) -> None:
    # It prints the numbers of its workers once both are at work.
    parent = subprocess.Popen(
        [sys.executable, "-m", "tests.run.workers.parent", str(tmp_path / "run")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    workers = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(workers) == 2, parent.communicate(timeout=60)
    watched = [os.pidfd_open(pid) for pid in workers]
    parent.send_signal(how)
    _, err = parent.communicate(timeout=60)
    assert parent.returncode == (-9 if how == signal.SIGKILL else 130), err
    for process in watched:
        assert select.select([process], [], [], 60)[0], "a worker outlived its parent"
        os.close(process)
