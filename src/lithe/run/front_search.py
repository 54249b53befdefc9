"""The search for a front: the design space at several levels of a budget."""

from dataclasses import replace

from lightning_fabric import Fabric

from lithe.nets.inherit import inherit
from lithe.progress import Progress
from lithe.run.designs import Designs, Given
from lithe.run.folder import Folder
from lithe.run.settings import INHERIT
from lithe.run.trials import allowance, keep, study_of, workers_for
from lithe.run.workers.trial import trial_epochs, trial_task
from lithe.search.front import spread
from lithe.search.generations import Effort, search
from lithe.search.levels import LEVEL, LEVELS, objectives, order, scaled
from lithe.search.sampler import Choice, Parameters
from lithe.search.shortlist import Candidate, racers
from lithe.search.space import FAMILIES
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
    study = study_of(folder, {LEVEL: LEVELS, **designs.space.choices()}, costs)
    most = settings.trials or TRIALS
    first: Given = tuple((t.parameters, t.candidate) for t in study.trials() if t.generation == 0)
    wanted = min(most, GENERATION)
    if len(first) < wanted:  # new, or stopped while it began; what is drawn is the same
        first = _first(designs, wanted, progress)
    task = trial_task(folder, designs.images, inherit if INHERIT else None)
    epochs = trial_epochs(task, first[0][1].arch)
    effort = Effort(epochs, GENERATION, allowance(len(first), most, GENERATION, epochs))

    def candidate_of(parameters: Parameters) -> Candidate | None:
        return _at(designs, float(parameters[LEVEL])).candidate_of(parameters)

    with progress.task(f"Searching among {most} networks", effort.allowance_epochs) as advance:
        workers = workers_for(task, folder, fabric, progress, advance)
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
    keep(folder, trials)
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
