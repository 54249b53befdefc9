"""From a finished run to the rows of its page: everything measured again on the saved file."""

import csv
import io
from collections.abc import Sequence

import msgspec
from PIL import Image

from lithe.arch import standard_twin
from lithe.nets.build import Network, build
from lithe.nets.model_file import load
from lithe.profiling.latency import Latency
from lithe.profiling.static import static_profile
from lithe.report.plots import OF_A_FRONT
from lithe.report.rows import (
    AttemptRow,
    CandidateRow,
    ExampleRow,
    LimitRow,
    NetworkRow,
    PredictionRow,
    RunRows,
)
from lithe.report.words import threads_text, timed_in
from lithe.run.finished import Timing
from lithe.run.folder import Folder
from lithe.run.settings import State
from lithe.run.teacher import teacher_fact
from lithe.search.budget import Limit, asked
from lithe.search.price import Price
from lithe.search.shortlist import Candidate
from lithe.search.verify import Attempt
from lithe.training.evaluate import Evaluation, evaluate
from lithe.training.history import EpochRow
from lithe.training.images import ImageData, ImageSet

SHOWN = 12  # examples of right and of wrong answers each
THUMBNAIL = 96  # pixels


def run_rows(folder: Folder, data: ImageData, timing: Timing, processes: int) -> RunRows:
    """All that the page of a finished run shows; so many `processes` trained it."""
    state = folder.state
    network = load(folder.model)
    assert network.card is not None
    found = evaluate(network, data.held_out, network.card.preprocessing)
    twin = standard_twin(network.arch)
    chosen = network_row(network.arch.label, _counted(network, timing.chosen))
    return RunRows(
        title=f"{data.name}: {network.arch.short_label}",
        command=state.command,
        accuracy=found.accuracy,
        chosen=chosen,
        twin=network_row(twin.label, _counted(build(twin), timing.twin)),
        limits=_limits(state, chosen),
        candidates=tuple(_candidate(state, candidate) for candidate in state.candidates),
        history=_history(folder),
        classes=data.classes,
        confusion=found.confusion,
        examples=_examples(data.held_out, data.classes, found),
        facts=_facts(state, chosen, data, processes),
        attempts=tuple(_attempt(attempt) for attempt in state.attempts),
        prediction=_prediction(state),
        slower_by=timing.slower_by,
    )


def _counted(network: Network, latency: Latency | None) -> Price:
    arch = network.arch
    counted = static_profile(network, (1, arch.in_channels, arch.resolution, arch.resolution))
    return Price(counted.macs, counted.params, counted.peak_activation_bytes, latency)


def network_row(label: str, price: Price) -> NetworkRow:
    """A network at its price."""
    latency = price.latency
    return NetworkRow(
        label,
        price.macs,
        price.params,
        price.peak_activation_bytes,
        price.latency_s,
        latency.p20_s if latency else None,
        latency.p80_s if latency else None,
        latency.runtime if latency else None,
        latency.threads if latency else None,
    )


def _attempt(attempt: Attempt) -> AttemptRow:
    predicted = attempt.candidate.price.predicted
    return AttemptRow(
        label=attempt.candidate.arch.label,
        predicted_s=predicted.seconds if predicted else None,
        measured_s=attempt.measured.p50_s,
        measured_p80_s=attempt.measured.p80_s,
        holds=attempt.holds,
        when=attempt.when,
        accuracy=attempt.accuracy,
    )


def _prediction(state: State) -> PredictionRow | None:
    predicted = state.predicted.price.predicted if state.predicted else None
    if predicted is None:
        return None
    error = state.prediction_error
    return PredictionRow(
        machine=predicted.machine,
        threads=predicted.threads,
        looked_up=predicted.looked_up,
        here=state.settings.device is None,
        networks=error.networks if error else None,
        median_error=error.median if error else None,
        worst_error=error.worst if error else None,
    )


def _limits(state: State, chosen: NetworkRow) -> tuple[LimitRow, ...]:
    measured = {
        "max_macs": chosen.macs,
        "max_params": chosen.params,
        "max_activation_bytes": chosen.peak_activation_bytes,
        "max_latency_s": chosen.latency_s,
    }
    predicted = state.predicted.price if state.predicted else None
    return tuple(
        LimitRow(
            limit.field,
            limit.unit,
            value,
            _predicted(limit, predicted) if predicted else None,
            measured[limit.field],
            elsewhere=state.settings.device is not None,
        )
        for limit, value in asked(state.settings.budget)
    )


def _predicted(limit: Limit, price: Price) -> float | None:
    """What was known before training: a prediction where there is one, else a measurement."""
    if limit.unit == "seconds" and price.predicted is not None:
        return price.predicted.seconds
    return limit.price(price)


def _candidate(state: State, candidate: Candidate) -> CandidateRow:
    arch = candidate.arch
    standing = state.standings.get(arch.label)
    too_slow = {each.candidate.arch.label for each in state.attempts if not each.holds}
    if arch == state.winner:
        status = "winner"
    elif arch.label in too_slow:
        status = "too slow"
    elif candidate.breaks:
        status = "over budget"
    else:
        raced = "raced" if state.settings.front is None else OF_A_FRONT
        status = raced if standing else "fits"
    return CandidateRow(
        network=network_row(arch.label, candidate.price),
        family=arch.family,
        width=arch.width,
        resolution=arch.resolution,
        status=status,
        accuracy=standing.accuracy if standing else None,
        breaks=candidate.breaks,
    )


def _history(folder: Folder) -> tuple[EpochRow, ...]:
    with folder.history.open(newline="") as file:
        # Text becomes numbers again as the fields declare them.
        return msgspec.convert(list(csv.DictReader(file)), tuple[EpochRow, ...], strict=False)


def _examples(
    images: ImageSet, classes: Sequence[str], found: Evaluation
) -> tuple[ExampleRow, ...]:
    """The surest wrong answers, which teach most, and right ones spread over the classes."""
    right = [i for i, label in enumerate(images.labels) if found.predicted[i] == label]
    wrong = [i for i, label in enumerate(images.labels) if found.predicted[i] != label]
    wrong.sort(key=lambda i: -found.confidence[i])
    turn: dict[int, int] = {}
    spread = []
    for index in right:
        label = images.labels[index]
        turn[label] = turn.get(label, 0) + 1
        spread.append((turn[label], label, index))
    chosen = wrong[:SHOWN] + [index for _, _, index in sorted(spread)[:SHOWN]]
    return tuple(
        ExampleRow(
            png=_thumbnail(images.image(index)),
            name=images.name(index),
            truth=classes[images.labels[index]],
            predicted=classes[found.predicted[index]],
            confidence=found.confidence[index],
        )
        for index in chosen
    )


def _thumbnail(image: Image.Image) -> bytes:
    scale = THUMBNAIL / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    # Tiny images keep their pixels visible, photos become smooth.
    how = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.LANCZOS
    png = io.BytesIO()
    image.resize(size, how).save(png, "PNG", optimize=True)
    return png.getvalue()


def _latency_fact(state: State, chosen: NetworkRow) -> str:
    predicted = state.predicted.price.predicted if state.predicted else None
    if chosen.runtime is None and predicted is not None:
        threads = threads_text(predicted.threads)
        return f"predicted for {predicted.machine}, lithe's engine, {threads}, batch 1"
    return f"in {timed_in(chosen)}, batch 1, median, both networks in turns"


def _facts(
    state: State, chosen: NetworkRow, data: ImageData, processes: int
) -> tuple[tuple[str, str], ...]:
    machine, recipe, settings = state.machine, state.recipe, state.settings
    images = (
        f"{len(data.train)} to train, {len(data.held_out)} held out, {len(data.classes)} classes"
    )
    facts = [
        ("Images", f"{data.name}: {images}"),
        ("Machine", f"{machine.cpu}, {machine.system}, {machine.threads} threads"),
        ("Latency", _latency_fact(state, chosen)),
        ("Software", f"lithe {state.lithe}, torch {machine.torch}, Python {machine.python}"),
        ("Seed", str(settings.seed)),
    ]
    if recipe is not None:
        training = (
            f"{recipe.epochs} epochs, batch {recipe.batch_size}, {recipe.optimizer}, "
            f"learning rate {recipe.learning_rate:.2g}, augmentation {recipe.augmentation:.2f}"
        )
        facts.insert(1, ("Training", training))
    if settings.teacher is not None:
        facts.insert(2, ("Teacher", f"{teacher_fact(settings)}; in the full training only"))
    if settings.front is not None:
        facts.insert(1, ("Front", f"the network comes from {settings.front}"))
    if processes > 1:
        facts.append(("Processes", str(processes)))
    return (*facts, ("Started", state.started), ("Finished", state.finished))
