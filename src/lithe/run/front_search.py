"""The search for a front: the design space at several levels of a budget."""

from collections.abc import Sequence
from dataclasses import replace

import msgspec
from lightning_fabric import Fabric

from lithe.nets.inherit import inherit
from lithe.progress import Progress
from lithe.run.designs import Designs, Given
from lithe.run.folder import Folder
from lithe.run.settings import INHERIT
from lithe.run.workers.make import make_workers
from lithe.run.workers.trial import trial_epochs, trial_task
from lithe.search.front import spread
from lithe.search.generations import Effort, race_cost, search
from lithe.search.levels import LEVEL, LEVELS, objectives, order, scaled
from lithe.search.sampler import Choice, Parameters
from lithe.search.shortlist import Candidate, racers
from lithe.search.space import FAMILIES
from lithe.search.study import open_study
from lithe.search.trial import Trial
from lithe.search.widest import widest_of

TRIALS = 36  # networks that are trained for a while
GENERATION = 12  # of them at a time; the first are the families' own tables


def search_front(
    folder: Folder, designs: Designs, fabric: Fabric, progress: Progress
) -> tuple[Trial, ...]:
    """Train trials at every level of the budget; all of them, and what came of them in the state.

    The first generation are the families' own tables at every level. The rest is drawn from
    the design space, the level with it, and each race is decided by the front.

    Raises:
        LitheError: nothing fits the whole budget; names the cheapest and its costs.
    """
    settings, costs = folder.state.settings, objectives(designs.budget)
    study = open_study(
        settings.store or f"sqlite:///{folder.path.absolute()}/trials.db",
        folder.state.study,
        folder.state.study,
        {LEVEL: LEVELS, **designs.space.choices()},
        costs,
        designs.seed,
    )
    most = settings.trials or TRIALS
    first: Given = tuple((t.parameters, t.candidate) for t in study.trials() if t.generation == 0)
    wanted = min(most, GENERATION)
    if len(first) < wanted:  # new, or stopped while it began; what is drawn is the same
        first = _first(designs, wanted, progress)
    task = trial_task(folder, designs.images, inherit if INHERIT else None)
    epochs = trial_epochs(task, first[0][1].arch)
    effort = Effort(epochs, GENERATION, _allowance(len(first), most, epochs))

    def candidate_of(parameters: Parameters) -> Candidate | None:
        return _at(designs, float(parameters[LEVEL])).candidate_of(parameters)

    with progress.task(f"Searching among {most} networks", effort.allowance_epochs) as advance:
        workers = make_workers(
            task,
            settings.parallel,
            settings.cluster,
            fabric,
            progress,
            lambda work, row: advance(1, note=f"{work.arch.short_label} {row.val_accuracy:.1%}"),
        )
        try:
            trials = search(
                study,
                first,
                candidate_of,
                workers.train,
                effort,
                designs.parent_of if INHERIT else None,
                order=lambda standings: order(standings, costs),
            )
        finally:
            workers.close()
    _keep(folder, trials)
    return trials


def _at(designs: Designs, level: float) -> Designs:
    return replace(designs, budget=scaled(designs.budget, level))


def _first(designs: Designs, most: int, progress: Progress) -> Given:
    """The families' own tables at every level, at most so many, evenly over their MACs.

    Where none of them fits the whole budget, points of the space that do.
    """
    space, images = designs.space, designs.images
    points = [
        space.base_point(family, resolution)
        for family in FAMILIES
        for resolution in space.resolutions
    ]
    result: dict[str, tuple[Parameters, Candidate]] = {}
    with progress.task(f"Pricing {len(points)} tables", len(LEVELS)) as advance:
        for level in LEVELS:
            found = widest_of(
                points,
                scaled(designs.budget, level),
                designs.prices,
                len(images.classes),
                images.channels,
            )
            of_label = {c.arch.label: p for p, c in zip(points, found, strict=True) if c}
            for candidate in racers([c for c in found if c is not None]):
                label = candidate.arch.label
                chosen: dict[str, Choice] = {LEVEL: level, **space.parameters(of_label[label])}
                result.setdefault(label, (chosen, candidate))
            advance(1)
    if not result:
        return tuple(
            ({LEVEL: LEVELS[0], **parameters}, candidate)
            for parameters, candidate in designs.first((), most)
        )
    all_of = list(result.values())
    kept = spread([candidate.price.macs for _, candidate in all_of], most)
    return tuple(all_of[index] for index in sorted(kept))


def _allowance(first: int, trials: int, epochs: int) -> int:
    """The epochs that so many trials take, raced in generations."""
    total, left = race_cost(first, epochs), trials - first
    while left > 0:
        size = min(GENERATION, left)
        total, left = total + race_cost(size, epochs), left - size
    return total


def _keep(folder: Folder, trials: Sequence[Trial]) -> None:
    """Write what came of all trials into the state."""
    lost = {t.candidate.arch.label: t.lost for t in trials if t.lost}
    standings = {t.candidate.arch.label: t.standing for t in trials if t.standing and not t.lost}
    folder.update(
        msgspec.structs.replace(
            folder.state,
            candidates=tuple(trial.candidate for trial in trials),
            standings=standings,
            lost=lost,
            searched=True,
        )
    )
