"""The search within a run: prices, generations of short trainings, then the proof by timing."""

import msgspec
from lightning_fabric import Fabric

from lithe.arch import Architecture
from lithe.latency_table.values import Predictor
from lithe.nets.inherit import inherit
from lithe.profiling.latency import Latency, latency_of
from lithe.progress import Progress
from lithe.run.designs import Designs, Given
from lithe.run.folder import Folder
from lithe.run.follow import follow, followed
from lithe.run.prices import Prediction, prediction_of, prices
from lithe.run.settings import GENERATION, INHERIT, TRIALS, State
from lithe.run.trials import allowance, keep, study_of, workers_for
from lithe.run.verify import verified
from lithe.run.workers.trial import TrialTask, trial_epochs, trial_task
from lithe.search.generations import Effort, search
from lithe.search.race import better_first
from lithe.search.shortlist import Candidate, impossible, racers
from lithe.search.space import FAMILIES, design_space, resolutions
from lithe.search.study import minimised
from lithe.search.trial import Trial
from lithe.training.images import ImageData


def find_winner(folder: Folder, data: ImageData, fabric: Fabric, progress: Progress) -> None:
    """Choose the table to train in full and write it, with all candidates, into the state.

    Raises:
        LitheError: no candidate fits, by prediction or when it is timed; names the closest
            and the limits that it breaks.
    """
    prediction = prediction_of(folder, progress) if folder.writes else None
    predictor = prediction.predictor if prediction else None
    designs = Designs(
        design_space(data.typical_side),
        folder.state.settings.budget,
        lambda archs: prices(archs, predictor),
        data,
        folder.state.settings.seed,
    )
    if not folder.state.searched:
        _search(folder, designs, predictor, fabric, progress)
    ranked = _best_first(folder.state)
    _tell_of_predictions(folder, ranked[0], prediction)
    winner = verified(
        ranked,
        folder,
        designs.prices,
        fabric,
        progress,
        learn=prediction.learn if prediction else lambda _: None,
    )
    state = folder.state
    candidates = state.candidates
    if winner.arch not in [candidate.arch for candidate in candidates]:
        candidates = (*candidates, winner)  # narrower than the one that had been trained
    folder.update(
        msgspec.structs.replace(state, candidates=candidates, predicted=winner, winner=winner.arch)
    )


def _tell_of_predictions(folder: Folder, best: Candidate, prediction: Prediction | None) -> None:
    """Write into the state how good the predictions of the best candidate's table are."""
    if prediction is None or best.price.predicted is None:
        return
    told = prediction.told(best.price.predicted.threads)
    folder.update(
        msgspec.structs.replace(
            folder.state, reference_s=told.reference_s, prediction_error=told.error
        )
    )


def _best_first(state: State) -> list[Candidate]:
    """What was trained, the most accurate first; then what was not, for want of better.

    Who was still in its race at the end comes before who was not. Of those that were not
    trained the racers come first, then who uses most of the budget.
    """
    fitting = [candidate for candidate in state.candidates if not candidate.breaks]
    known = [candidate for candidate in fitting if candidate.arch.label in state.standings]

    def rank(candidate: Candidate) -> tuple[float, ...]:
        standing = state.standings[candidate.arch.label]
        return -standing.epochs, *better_first(standing)

    ranked = sorted(known, key=rank) or list(racers(fitting))
    untrained = [candidate for candidate in fitting if candidate not in ranked]
    return ranked + sorted(untrained, key=lambda candidate: -candidate.price.macs)


def _search(
    folder: Folder,
    designs: Designs,
    predictor: Predictor | None,
    fabric: Fabric,
    progress: Progress,
) -> None:
    """Train what is worth comparing; one process decides, all train."""
    if not folder.state.candidates:
        grid = _grid(folder, designs, predictor, progress) if folder.writes else ()
        folder.update(msgspec.structs.replace(folder.state, candidates=fabric.broadcast(grid)))
    grid = folder.state.candidates
    first = designs.first(grid, folder.state.settings.trials or TRIALS) if folder.writes else ()
    first = fabric.broadcast(first)
    only_grid = folder.state.settings.searched == "grid"
    if only_grid and len(first) == 1:  # nothing to compare it with
        folder.update(msgspec.structs.replace(folder.state, searched=True))
        return
    task = trial_task(folder, designs.images, inherit if INHERIT else None)
    epochs = trial_epochs(task, first[0][1].arch)
    most = len(first) if only_grid else folder.state.settings.trials or TRIALS
    effort = Effort(epochs, GENERATION, allowance(len(first), most, GENERATION, epochs))
    trials = _trained(folder, designs, first, task, effort, fabric, progress)
    keep(folder, trials)


def _grid(
    folder: Folder, designs: Designs, predictor: Predictor | None, progress: Progress
) -> tuple[Candidate, ...]:
    settings = folder.state.settings
    measured = settings.budget.max_latency_s is not None and predictor is None

    def latency(arch: Architecture) -> Latency:
        return latency_of([arch], settings.runtime)[0]

    groups = len(FAMILIES) * len(resolutions(designs.images.typical_side))
    with progress.task("Pricing the grid", groups) as advance:
        grid = designs.grid(latency if measured else None, advance)
    if all(candidate.breaks for candidate in grid) and settings.searched == "grid":
        raise impossible(settings.budget, grid, latency if measured else None)
    return grid


def _trained(
    folder: Folder,
    designs: Designs,
    first: Given,
    task: TrialTask,
    effort: Effort,
    fabric: Fabric,
    progress: Progress,
) -> tuple[Trial, ...]:
    with progress.task("Searching", effort.allowance_epochs) as advance:
        workers = workers_for(task, folder, fabric, progress, advance)
        if not folder.writes:
            follow(workers, fabric)
            return fabric.broadcast(())
        try:
            with followed(workers, fabric) as train:
                trials = search(
                    study_of(folder, designs.space.choices(), minimised(designs.budget)),
                    first,
                    designs.candidate_of,
                    train,
                    effort,
                    designs.parent_of if INHERIT else None,
                )
        finally:
            workers.close()
    return fabric.broadcast(trials)
