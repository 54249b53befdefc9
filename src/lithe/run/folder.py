"""The folder of a run: one run at a time, nothing half written, found again after a kill."""

import csv
import io
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, fields
from pathlib import Path

import msgspec
from filelock import FileLock, Timeout

from lithe.errors import LitheError
from lithe.files import write_atomically
from lithe.run.settings import FORMAT, OLDER, State
from lithe.run.state_file import read_state_file, write_state_file
from lithe.training.history import EpochRow


class Folder:
    """Paths of a run and its state on disk.

    Only the process that `writes` touches the disk; the others of a distributed run follow
    the same steps in memory.
    """

    def __init__(self, path: Path, state: State, writes: bool = True) -> None:
        self.path = path
        self.state = state
        self.writes = writes

    @property
    def model(self) -> Path:
        """The trained network."""
        return self.path / "model.safetensors"

    @property
    def report(self) -> Path:
        """The page."""
        return self.path / "report.html"

    @property
    def history(self) -> Path:
        """One line per epoch of the final training."""
        return self.path / "history.csv"

    @property
    def device(self) -> Path:
        """The machine that latencies are predicted for, if it is not this one."""
        return self.path / "device.json"

    def checkpoint(self, name: str) -> Path:
        """Where a training of that name keeps its state until the run is finished."""
        return self.path / "work" / f"{name}.safetensors"

    def update(self, state: State) -> None:
        """Replace the state, on disk too."""
        self.state = state
        if self.writes:
            write_state_file(self.path / "run.json", state)

    def write_history(self, rows: Sequence[EpochRow]) -> None:
        """Replace the history."""
        if self.writes:
            write_history(self.history, rows)

    def clear_work(self) -> None:
        """Remove the checkpoints of a finished run."""
        if self.writes:
            shutil.rmtree(self.path / "work", ignore_errors=True)


def write_history(path: Path, rows: Sequence[EpochRow]) -> None:
    """Epochs as CSV, one line each."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field.name for field in fields(EpochRow))
    writer.writerows(astuple(row) for row in rows)
    write_atomically(path, text.getvalue().encode())


def read_state(path: Path) -> State:
    """The state of the run in a folder.

    Raises:
        LitheError: no run there, or one that this version cannot read.
    """
    state = read_state_file(path / "run.json", State, (*OLDER, FORMAT), "run")
    return _first_version(state) if state.format == 1 else state


def _first_version(state: State) -> State:
    """A run of the first version goes on as it began: with the grid.

    One that was stopped within its race begins the race anew.
    """
    return msgspec.structs.replace(
        state,
        format=FORMAT,
        settings=msgspec.structs.replace(state.settings, search="grid"),
        study=f"run of {state.started}",
        searched=state.winner is not None,
    )


@contextmanager
def held(path: Path, writes: bool = True) -> Iterator[None]:
    """Hold a run's folder, so that no second process works in it.

    Raises:
        LitheError: the folder cannot be made, or another process holds it.
    """
    if not writes:
        yield
        return
    try:
        (path / "work").mkdir(parents=True, exist_ok=True)
        lock = FileLock(path / "work" / "lock")
        with lock.acquire(blocking=False):
            yield
    except Timeout:
        raise LitheError(f"another process is working in {path}; wait for it or stop it") from None
    except (FileExistsError, NotADirectoryError):
        raise LitheError(f"{path} is a file; --out needs a folder") from None
    except PermissionError as error:
        raise LitheError(f"cannot write in {path}: {error.strerror}") from None


def check_new(path: Path) -> None:
    """Make sure that a new run would overwrite nothing.

    Raises:
        LitheError: the folder holds a run or anything else.
    """
    for file, what in (("run.json", "run"), ("convert.json", "conversion")):
        if (path / file).exists():
            raise LitheError(
                f"{path} holds another {what}; go on with it by --resume {path}, "
                "or choose another folder for --out"
            )
    if path.is_dir() and any(entry.name != "work" for entry in path.iterdir()):
        raise LitheError(f"{path} is not empty; choose another folder for --out")
