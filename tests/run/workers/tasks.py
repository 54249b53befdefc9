"""A task of a few seconds on the embedded digits, and works for it."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import torch

from lithe.arch import architecture
from lithe.errors import LitheError
from lithe.nets.build import Network
from lithe.run.folder import Folder
from lithe.run.settings import Machine, Settings, State
from lithe.run.workers.trial import TrialTask, trial_task
from lithe.search.race import Standing
from lithe.search.work import Lost, Work
from lithe.training.history import EpochRow
from lithe.training.image_set import select
from lithe.training.images import open_data

ARCHS = tuple(
    architecture("shallow_mobilenet", width=width, resolution=8, num_classes=10, in_channels=1)
    for width in (0.05, 0.08, 0.1)
)


def task_in(out: Path, epochs: int = 10) -> TrialTask:
    """The task of a run in `out`, which begins there."""
    settings = Settings("digits", epochs=epochs, threads=1)
    machine = Machine("", "", "", "", 1, "cpu")
    folder = Folder(out, State("0", "lithe fit", settings, machine, started=""))
    (out / "work").mkdir(parents=True)
    folder.update(folder.state)
    task = trial_task(folder, open_data("digits"))
    few = select(task.train_images, range(448)), select(task.aside, range(64))
    return replace(task, train_images=few[0], aside=few[1])


def works(to_epoch: int, epochs: int = 3) -> list[Work]:
    """One work for each table."""
    return [Work(trial, arch, to_epoch, epochs) for trial, arch in enumerate(ARCHS)]


class Told:
    """Collects what workers say."""

    def __init__(self) -> None:
        self.outcomes: dict[int, Standing | Lost] = {}
        self.epochs: list[tuple[int, int]] = []
        self.said: list[str] = []

    def done(self, work: Work, outcome: Standing | Lost) -> None:
        """To be given as `on_done`."""
        assert work.trial not in self.outcomes
        self.outcomes[work.trial] = outcome

    def epoch(self, work: Work, row: EpochRow) -> None:
        """To be given as `on_epoch`."""
        self.epochs.append((work.trial, row.epoch))


def killed_by_its_own_hand(*arguments: object) -> None:
    """Inherits nothing: the system ends the process, as it does where memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)


def refused(*arguments: object) -> None:
    """Inherits nothing: meets what every trial would."""
    raise LitheError("no space left for x (3 bytes)")


def out_of_memory(*arguments: object) -> None:
    """Inherits nothing: the weights do not fit."""
    raise MemoryError


def not_a_number(network: Network, *arguments: object) -> None:
    """Inherits weights that no training recovers from."""
    with torch.no_grad():
        network.classifier.weight.fill_(float("nan"))
