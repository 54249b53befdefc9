"""The trials of a search: their store, who trains them, what they may cost, and what is kept."""

from collections.abc import Mapping, Sequence

import msgspec
from lightning_fabric import Fabric

from lithe.progress import Advance, Progress
from lithe.run.folder import Folder
from lithe.run.workers.make import make_workers
from lithe.run.workers.trial import TrialTask
from lithe.search.budget import Limit
from lithe.search.generations import race_cost
from lithe.search.sampler import Choice
from lithe.search.study import Study, open_study
from lithe.search.trial import Trial
from lithe.search.work import Workers


def study_of(
    folder: Folder, choices: Mapping[str, tuple[Choice, ...]], costs: tuple[Limit, ...]
) -> Study:
    """The run's study, in its own folder or in the store that was asked for.

    Raises:
        LitheError: the store cannot be used, or the study belongs to another run.
    """
    state = folder.state
    return open_study(
        state.settings.store or f"sqlite:///{folder.path.absolute()}/trials.db",
        state.study,
        state.study,
        choices,
        costs,
        state.settings.seed,
    )


def workers_for(
    task: TrialTask, folder: Folder, fabric: Fabric, progress: Progress, advance: Advance
) -> Workers:
    """Who trains the trials, as it was asked for; `advance` goes on by an epoch."""
    settings = folder.state.settings
    return make_workers(
        task,
        settings.parallel,
        settings.cluster,
        fabric,
        progress,
        lambda work, row: advance(1, note=f"{work.arch.short_label} {row.val_accuracy:.1%}"),
    )


def allowance(first: int, most: int, generation: int, epochs: int) -> int:
    """The epochs that `most` trials take: `first` raced at once, then generations."""
    total, left = race_cost(first, epochs), most - first
    while left > 0:
        size = min(generation, left)
        total, left = total + race_cost(size, epochs), left - size
    return total


def keep(folder: Folder, trials: Sequence[Trial]) -> None:
    """Write what came of all trials into the state."""
    state = folder.state
    known = {candidate.arch.label for candidate in state.candidates}
    drawn = tuple(t.candidate for t in trials if t.candidate.arch.label not in known)
    lost = {t.candidate.arch.label: t.lost for t in trials if t.lost}
    standings = {t.candidate.arch.label: t.standing for t in trials if t.standing and not t.lost}
    folder.update(
        msgspec.structs.replace(
            state,
            candidates=(*state.candidates, *drawn),
            standings=standings,
            lost=lost,
            searched=True,
        )
    )
