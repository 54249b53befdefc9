"""What a node of a cluster sees of a run: its folder, its images, its version of lithe."""

from dataclasses import dataclass
from pathlib import Path

from lithe import __version__
from lithe.errors import LitheError
from lithe.files import write_atomically
from lithe.run.workers.trial import TrialTask

_SHARE = "a file system that all machines share"


@dataclass(frozen=True, slots=True)
class Seen:
    """A node's version of lithe, and what is wrong there; nothing if `problem` is empty."""

    lithe: str
    problem: str = ""


def look(task: TrialTask, path: Path, word: str) -> Seen:
    """Look for a file that the run has just written, write beside it, and read two images."""
    return Seen(__version__, _problem(task, path, word))


def _problem(task: TrialTask, path: Path, word: str) -> str:
    try:
        if path.read_text() != word:
            return f"sees another file at {path}; --out has to be on {_SHARE}"
    except OSError as error:
        return f"does not see {task.folder} ({error.strerror}); --out has to be on {_SHARE}"
    try:
        mark = path.with_name(f"{path.name}-{id(path)}")
        write_atomically(mark, b"")
        mark.unlink()
        for images in (task.train_images, task.aside):
            images.image(len(images) - 1)
    except LitheError as error:
        return f"cannot work on this run ({error}); images and --out have to be on {_SHARE}"
    except OSError as error:
        return f"cannot work in {path.parent} ({error.strerror})"
    return ""
