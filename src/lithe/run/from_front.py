"""A run whose network comes from a finished front: chosen and measured, not trained."""

from pathlib import Path

import msgspec
from lightning_fabric import Fabric

from lithe.errors import LitheError
from lithe.files import write_atomically
from lithe.nets.card import ModelCard
from lithe.nets.model_file import load
from lithe.progress import Progress
from lithe.run.folder import Folder
from lithe.run.front_file import Front, FrontPoint, read_front
from lithe.run.prices import prices
from lithe.run.same_images import fingerprint
from lithe.run.settings import Settings
from lithe.run.verify import verified
from lithe.search.race import Standing
from lithe.search.shortlist import Candidate, candidate_of, impossible
from lithe.training.images import ImageData


def with_front(settings: Settings) -> Settings:
    """The settings of a run from a front, if they name one: its path whole, its seed theirs.

    With another seed other images would be held out, and the network would be judged on
    some that it was trained on.

    Raises:
        LitheError: no front there, or one that is not finished.
    """
    if settings.front is None:
        return settings
    folder = Path(settings.front).absolute()
    return msgspec.structs.replace(settings, front=str(folder), seed=read_front(folder).seed)


def take_from_front(folder: Folder, data: ImageData, fabric: Fabric, progress: Progress) -> None:
    """Choose the most accurate network of the front that fits, and copy it into the run.

    What it takes is counted, and its latency measured here: the front may be another
    machine's. One that is too slow leaves its place to the next.

    Raises:
        LitheError: the front is one of other images, a file of it is missing or is another
            network's, or nothing fits; names the cheapest and its costs.
    """
    settings = folder.state.settings
    assert settings.front is not None
    path = Path(settings.front)
    front = read_front(path)
    _check_images(front, path, data)
    # The most accurate first, of equals the cheaper; the same files are there for every process.
    points = sorted(front.points, key=lambda point: (-point.accuracy, point.macs))
    tables = [point.arch for point in points]
    candidates = [
        candidate_of(arch, price, settings.budget)
        for arch, price in zip(tables, prices(tables, None), strict=True)
    ]
    state = msgspec.structs.replace(
        folder.state,
        candidates=tuple(candidates),
        standings={point.label: Standing(point.accuracy, point.loss, 0) for point in points},
        searched=True,
    )
    folder.update(state)
    winner = _that_holds(candidates, folder, path, fabric, progress)
    point = next(point for point in points if point.arch == winner.arch)
    card = _copied(point, path, folder)
    fabric.barrier()
    progress.say(f"{point.label} is the most accurate of the front in {path} that fits")
    folder.update(
        msgspec.structs.replace(
            folder.state,
            winner=point.arch,
            predicted=winner,
            preprocessing=card.preprocessing,
            metrics={"val_accuracy": point.accuracy, "val_loss": point.loss},
        )
    )


def _check_images(front: Front, path: Path, data: ImageData) -> None:
    if front.classes != data.classes:
        lacking = [name for name in front.classes if name not in data.classes]
        besides = [name for name in data.classes if name not in front.classes]
        said = f"it knows {len(front.classes)} classes, the images have {len(data.classes)}"
        if lacking:
            said += f"; {lacking[0]!r} is not among theirs"
        if besides:
            said += f"; {besides[0]!r} is not among its own"
        raise LitheError(
            f"the front in {path} was made from other images than {data.name}: {said}; "
            "give the images that it was made from, or make a front of these"
        )
    if front.images != fingerprint(data):
        raise LitheError(
            f"the front in {path} was made from other images than {data.name}: the classes are "
            "the same, the files are not; make a front of these"
        )


def _that_holds(
    candidates: list[Candidate], folder: Folder, path: Path, fabric: Fabric, progress: Progress
) -> Candidate:
    budget = folder.state.settings.budget
    fitting = [candidate for candidate in candidates if not candidate.breaks]
    try:
        if not fitting:
            raise impossible(budget, candidates)
        return verified(
            fitting, folder, lambda archs: prices(archs, None), fabric, progress, narrow=False
        )
    except LitheError as error:
        raise LitheError(f"of the front in {path}, {error}") from None


def _copied(point: FrontPoint, path: Path, folder: Folder) -> ModelCard:
    """The network's file in the run's folder, and the history of its training."""
    source = path / point.file
    card = load(source).card
    assert card is not None
    if card.arch != point.arch:
        raise LitheError(
            f"{source} is {card.arch.label}, not {point.label} as the front says; "
            "copy the front's folder again"
        )
    if folder.writes:
        write_atomically(folder.model, source.read_bytes())
        history = source.with_suffix(".csv")
        if history.exists():
            write_atomically(folder.history, history.read_bytes())
        else:
            folder.write_history(())
    return card
