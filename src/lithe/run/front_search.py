"""The search for a front: the design space at several levels of a budget."""

from collections.abc import Sequence

import msgspec
from lightning_fabric import Fabric

from lithe.arch import Architecture
from lithe.errors import LitheError
from lithe.profiling.latency import Latency, latency_of
from lithe.progress import Progress
from lithe.run.folder import Folder
from lithe.run.prices import prediction_of, prices
from lithe.run.workers.here import Here
from lithe.run.workers.trial import trial_epochs, trial_task
from lithe.search.budget import Budget
from lithe.search.front import spread
from lithe.search.generations import Effort, race_cost, search
from lithe.search.levels import LEVEL, LEVELS, objectives, order, scaled
from lithe.search.price import Price
from lithe.search.sampler import Choice, Parameters
from lithe.search.shortlist import Candidate, impossible, racers
from lithe.search.space import FAMILIES, DesignSpace, design_space
from lithe.search.study import open_study
from lithe.search.trial import Trial
from lithe.search.widest import PriceOf, widest, widest_of
from lithe.search.work import Work
from lithe.training.history import EpochRow
from lithe.training.images import ImageData

TRIALS = 36  # networks that are trained for a while
GENERATION = 12  # of them at a time, after those of the families' own tables


def search_front(
    folder: Folder, data: ImageData, fabric: Fabric, progress: Progress
) -> tuple[Trial, ...]:
    """Train trials at every level of the budget; all of them, and their candidates in the state.

    The first generation are the families' own tables at every level. The rest is drawn from
    the design space, the level with it, and each race is decided by the front.

    Raises:
        LitheError: nothing fits the whole budget; names the cheapest and its costs.
    """
    settings = folder.state.settings
    budget, costs = settings.budget, objectives(settings.budget)
    space, price = design_space(data.typical_side), _price_of(folder, progress)
    channels, classes = data.channels, len(data.classes)

    def candidate_of(parameters: Parameters) -> Candidate | None:
        level = float(parameters[LEVEL])
        point = space.point_of({name: v for name, v in parameters.items() if name != LEVEL})
        return widest(point, scaled(budget, level), price, classes, channels)

    task = trial_task(folder, data)
    study = open_study(
        settings.store or f"sqlite:///{folder.path.absolute() / 'trials.db'}",
        name=folder.state.study,
        run=folder.state.study,
        choices={LEVEL: LEVELS, **space.choices()},
        costs=costs,
        seed=settings.seed,
    )
    begun = study.trials()
    trials = settings.trials or TRIALS
    first = [(t.parameters, t.candidate) for t in begun if t.generation == 0]
    if not begun:
        first = _first(space, budget, price, classes, channels, progress)[:trials]
    epochs = trial_epochs(task, first[0][1].arch)
    effort = Effort(epochs, GENERATION, _allowance(len(first), trials, epochs))
    heard: dict[int, int] = {}

    def shown(work: Work, row: EpochRow) -> None:
        if row.epoch > heard.get(work.trial, 0):  # not one that a checkpoint tells of again
            heard[work.trial] = row.epoch
            advance(1, note=f"{work.arch.label} {row.val_accuracy:.1%}")

    workers = Here(task, fabric, shown)
    title = f"Searching the front: {trials} networks"
    try:
        with progress.task(title, effort.allowance_epochs) as advance:
            found = search(
                study,
                first,
                candidate_of,
                workers.train,
                effort,
                order=lambda standings: order(standings, costs),
            )
    finally:
        workers.close()
    standings = {t.candidate.arch.label: t.standing for t in found if t.standing}
    candidates = tuple(trial.candidate for trial in found)
    folder.update(
        msgspec.structs.replace(
            folder.state, candidates=candidates, standings=standings, searched=True
        )
    )
    return found


def _price_of(folder: Folder, progress: Progress) -> PriceOf:
    """Prices with a latency where it is limited: predicted, or else measured and remembered."""
    settings = folder.state.settings
    prediction = prediction_of(folder, progress)
    predictor = prediction.predictor if prediction else None
    if predictor is not None or settings.budget.max_latency_s is None:
        return lambda archs: prices(archs, predictor)
    known: dict[str, Latency] = {}

    def latency(arch: Architecture) -> Latency:
        if arch.label not in known:
            known[arch.label] = latency_of([arch], settings.runtime)[0]
        return known[arch.label]

    def measured(archs: Sequence[Architecture]) -> tuple[Price, ...]:
        static = prices(archs, None)
        return tuple(
            Price(p.macs, p.params, p.peak_activation_bytes, latency(arch))
            for arch, p in zip(archs, static, strict=True)
        )

    return measured


def _first(
    space: DesignSpace,
    budget: Budget,
    price: PriceOf,
    classes: int,
    channels: int,
    progress: Progress,
) -> list[tuple[dict[str, Choice], Candidate]]:
    """The families' own tables at every level, the level of the most first."""
    points = [
        space.base_point(family, resolution)
        for family in FAMILIES
        for resolution in space.resolutions
    ]
    result: dict[str, tuple[dict[str, Choice], Candidate]] = {}
    with progress.task(f"Pricing {len(points)} tables at {len(LEVELS)} levels", len(LEVELS)) as on:
        for level in LEVELS:
            found = widest_of(points, scaled(budget, level), price, classes, channels)
            of_label = {c.arch.label: p for p, c in zip(points, found, strict=True) if c}
            for candidate in racers([c for c in found if c is not None]):
                label = candidate.arch.label
                parameters = space.parameters(of_label[label])
                result.setdefault(label, ({LEVEL: level, **parameters}, candidate))
            on(1)
    if not result:
        raise _nothing_fits(budget, price, space, classes, channels)
    return _spread_out(list(result.values()))


def _spread_out(
    all_of: list[tuple[dict[str, Choice], Candidate]],
) -> list[tuple[dict[str, Choice], Candidate]]:
    """At most `GENERATION` of them, evenly over their MACs."""
    kept = spread([candidate.price.macs for _, candidate in all_of], GENERATION)
    return [all_of[index] for index in sorted(kept)]


def _nothing_fits(
    budget: Budget, price: PriceOf, space: DesignSpace, classes: int, channels: int
) -> LitheError:
    from lithe.search.shortlist import candidate_of
    from lithe.search.space import WIDTHS, table_of

    narrowest = []
    for family in FAMILIES:
        for resolution in space.resolutions:
            for width in WIDTHS:
                try:
                    point = space.base_point(family, resolution)
                    narrowest.append(table_of(point, width, classes, channels))
                except LitheError:
                    continue  # a row has no channel left
                break
    priced = zip(narrowest, price(narrowest), strict=True)
    return impossible(budget, [candidate_of(arch, cost, budget) for arch, cost in priced])


def _allowance(first: int, trials: int, epochs: int) -> int:
    """The epochs that so many trials take, raced in generations."""
    total, left = race_cost(first, epochs), trials - first
    while left > 0:
        size = min(GENERATION, left)
        total, left = total + race_cost(size, epochs), left - size
    return total
