"""What the trials come to in this process, to compare with."""

from pathlib import Path

import pytest
from tests.run.workers.tasks import Told, task_in, works

from lithe.run.machine import deterministic, make_fabric
from lithe.run.workers.here import Here
from lithe.run.workers.trial import TrialTask
from lithe.search.race import Standing
from lithe.search.work import Lost

EPOCHS = 5


@pytest.fixture(scope="session")
def trained_here(tmp_path_factory: pytest.TempPathFactory) -> tuple[TrialTask, Told]:
    """Three trials trained to the end of epoch 5, one after the other, and what was said."""
    task = task_in(tmp_path_factory.mktemp("here") / "run")
    told = Told()
    deterministic()
    Here(task, make_fabric(), told.epoch).train(works(EPOCHS, EPOCHS), told.done)
    return task, told


@pytest.fixture
def task(tmp_path: Path) -> TrialTask:
    """The same task in a folder of its own."""
    return task_in(tmp_path / "run")


@pytest.fixture
def here(trained_here: tuple[TrialTask, Told]) -> dict[int, Standing | Lost]:
    """The outcomes."""
    return trained_here[1].outcomes
