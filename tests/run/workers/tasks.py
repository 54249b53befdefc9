"""A task of a few seconds on the embedded digits, and works for it."""

from pathlib import Path

from lithe.arch import architecture
from lithe.run.folder import Folder
from lithe.run.settings import Machine, Settings, State
from lithe.run.workers.trial import TrialTask, trial_task
from lithe.search.race import Standing
from lithe.search.work import Lost, Work
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
    return trial_task(folder, open_data("digits"))


def works(to_epoch: int, epochs: int = 3) -> list[Work]:
    """One work for each table."""
    return [Work(trial, arch, to_epoch, epochs) for trial, arch in enumerate(ARCHS)]


class Told:
    """Collects what workers say."""

    def __init__(self) -> None:
        self.outcomes: dict[int, Standing | Lost] = {}
        self.epochs: list[tuple[int, int]] = []

    def done(self, work: Work, outcome: Standing | Lost) -> None:
        """To be given as `on_done`."""
        assert work.trial not in self.outcomes
        self.outcomes[work.trial] = outcome
