"""The search within a run: price, shortlist, race; every result is on disk as it comes."""

import msgspec
from lightning_fabric import Fabric

from lithe.arch import Architecture
from lithe.errors import LitheError
from lithe.latency_table.values import Predictor
from lithe.profiling.latency import Latency, latency_of
from lithe.progress import Progress
from lithe.run.folder import Folder
from lithe.run.prices import predictor_of, prices
from lithe.run.settings import State
from lithe.run.verify import verified
from lithe.run.workers.here import Here
from lithe.run.workers.trial import trial_epochs, trial_task
from lithe.search.race import Standing, better_first, epochs_run, race
from lithe.search.shortlist import Candidate, impossible, largest_that_fit, racers
from lithe.search.space import FAMILIES, resolutions, space
from lithe.search.work import Lost, Work
from lithe.training.history import EpochRow
from lithe.training.images import ImageData


def find_winner(folder: Folder, data: ImageData, fabric: Fabric, progress: Progress) -> None:
    """Choose the table to train in full and write it, with all candidates, into the state.

    Raises:
        LitheError: no candidate fits, by prediction or when it is timed; names the closest
            and the limits that it breaks.
    """
    predictor = predictor_of(folder, progress)
    if not folder.state.searched:
        _search(folder, data, predictor, fabric, progress)
    winner = verified(
        _best_first(folder.state),
        folder,
        lambda archs: prices(archs, predictor),
        fabric,
        progress,
    )
    state = folder.state
    candidates = state.candidates
    if winner.arch not in [candidate.arch for candidate in candidates]:
        candidates = (*candidates, winner)  # narrower than the one that had been trained
    folder.update(
        msgspec.structs.replace(state, candidates=candidates, predicted=winner, winner=winner.arch)
    )


def _best_first(state: State) -> list[Candidate]:
    """What was trained, the most accurate first; a single candidate was not trained at all."""
    fitting = [candidate for candidate in state.candidates if not candidate.breaks]
    known = [candidate for candidate in fitting if candidate.arch.label in state.standings]
    # Who was still in the race at its end comes before who was not.
    known.sort(
        key=lambda candidate: (
            -state.standings[candidate.arch.label].epochs,
            *better_first(state.standings[candidate.arch.label]),
        )
    )
    return known or list(racers(fitting))


def _search(
    folder: Folder,
    data: ImageData,
    predictor: Predictor | None,
    fabric: Fabric,
    progress: Progress,
) -> None:
    if not folder.state.candidates:
        candidates = fabric.broadcast(_price(folder, data, progress) if folder.writes else ())
        folder.update(msgspec.structs.replace(folder.state, candidates=candidates))
    field = racers(folder.state.candidates)
    winner, standings = _race(field, folder, data, fabric, progress)
    progress.say(f"{winner.arch.label} won the race of {len(field)}")
    folder.update(msgspec.structs.replace(folder.state, standings=standings, searched=True))


def _price(folder: Folder, data: ImageData, progress: Progress) -> tuple[Candidate, ...]:
    settings = folder.state.settings

    def latency(arch: Architecture) -> Latency:
        return latency_of([arch], settings.runtime)[0]

    tables = space(data.typical_side, len(data.classes), data.channels)
    groups = len(FAMILIES) * len(resolutions(data.typical_side))
    with progress.task(f"Pricing {len(tables)} candidates", groups) as advance:
        candidates = largest_that_fit(tables, settings.budget, latency, advance)
    if all(candidate.breaks for candidate in candidates):
        raise impossible(settings.budget, candidates, latency)
    return candidates


def _race(
    field: tuple[Candidate, ...],
    folder: Folder,
    data: ImageData,
    fabric: Fabric,
    progress: Progress,
) -> tuple[Candidate, dict[str, Standing]]:
    task = trial_task(folder, data)
    epochs = trial_epochs(task, field[0].arch)
    numbers = {candidate.arch.label: number for number, candidate in enumerate(field)}
    done: dict[int, int] = {}

    def shown(work: Work, row: EpochRow) -> None:
        if row.epoch > done.get(work.trial, 0):  # not one that a checkpoint tells of again
            done[work.trial] = row.epoch
            advance(1, note=f"{work.arch.label} {row.val_accuracy:.1%}")

    def train_to(candidate: Candidate, stop_after: int) -> Standing:
        arch = candidate.arch
        found: list[Standing | Lost] = []
        work = Work(numbers[arch.label], arch, stop_after, epochs)
        workers.train([work], lambda work, outcome: found.append(outcome))
        if isinstance(found[0], Lost):
            raise LitheError(found[0].reason)
        return found[0]

    workers = Here(task, fabric, shown)
    with progress.task(
        f"Racing {len(field)} candidates", epochs_run(len(field), epochs)
    ) as advance:
        return race(field, epochs, train_to)
