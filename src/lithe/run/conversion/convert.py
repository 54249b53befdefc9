"""A conversion from a trained network to its page; every step that is done is on disk."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from lightning_fabric import Fabric
from torch import nn

from lithe import __version__
from lithe.errors import LitheError
from lithe.files import write_atomically
from lithe.nets.conversion.file import load_converted
from lithe.nets.conversion.places import Place, named, places
from lithe.nets.conversion.rows import either
from lithe.progress import Progress
from lithe.report.compare_page import compare_page
from lithe.report.conversion_rows import ConversionRows
from lithe.run.conversion.carry import carried
from lithe.run.conversion.decide import chosen, measure_layers, nothing, timed
from lithe.run.conversion.finish import (
    conversion_rows,
    layers_in_eager,
    side_by_side_with,
    write_model,
)
from lithe.run.conversion.keep import settle
from lithe.run.conversion.original import (
    Original,
    accuracy_of,
    calibration_of,
    few_images,
    open_original,
    parts,
)
from lithe.run.conversion.sensitivity import Calibration
from lithe.run.conversion.state import ConversionSettings, ConversionState, read_conversion
from lithe.run.conversion.tune import Tuning, as_teacher
from lithe.run.conversion.work import Work
from lithe.run.folder import check_new, held, write_history
from lithe.run.machine import make_fabric, prepare
from lithe.run.same_images import fingerprint
from lithe.run.settings import Settings
from lithe.run.teacher import teacher_for, with_teacher
from lithe.run.verify import now
from lithe.runtimes import check_engine
from lithe.search.budget import asked
from lithe.training.image_set import ImageSet
from lithe.training.images import ImageData, open_data


@dataclass(frozen=True, slots=True)
class ConversionResult:
    """A finished conversion: where its files are, and what its page shows."""

    out: Path
    model: Path
    report: Path
    rows: ConversionRows


def start_conversion(
    settings: ConversionSettings, out: Path, command: str, progress: Progress
) -> ConversionResult:
    """A new conversion in the folder `out`.

    Raises:
        LitheError: the folder is not empty, the network, the teacher or the images cannot be
            used, or no conversion is within the budget (the best that was reached is named).
    """
    check_settings(settings)
    settings = with_teacher(settings)
    fabric = make_fabric()
    machine = prepare(Settings(settings.data, threads=settings.threads))
    check_new(out)
    with held(out):
        state = ConversionState(__version__, command, settings, machine, started=now())
        return _go_on(Work(out, state), fabric, progress)


def resume_conversion(out: Path, progress: Progress) -> ConversionResult:
    """Go on with the conversion in `out` from its last epoch; a finished one is shown again.

    Raises:
        LitheError: none there, it is being worked on, or its images have changed.
    """
    state = read_conversion(out)
    fabric = make_fabric()
    prepare(Settings(state.settings.data, threads=state.settings.threads))
    with held(out):
        return _go_on(Work(out, state), fabric, progress)


def check_settings(settings: ConversionSettings) -> None:
    """Make sure that a conversion can do what it is asked.

    Raises:
        LitheError: the engine does not run here, limits that a conversion does not hold, or
            settings that exclude each other.
    """
    check_engine()
    for limit, _ in asked(settings.budget):
        if limit.field not in ("max_latency_s", "max_macs"):
            raise LitheError(f"{limit.option} cannot be held by a conversion; give --max-latency")
    if settings.size is not None and len(settings.kinds) > 1:
        raise LitheError(
            f"--size {settings.size} would be that of {either(settings.kinds)}, which have "
            "sizes of their own; give one --to"
        )
    if settings.epochs == 0 and settings.keep_accuracy is not None:
        raise LitheError("--keep-accuracy needs a fine-tuning to judge: leave out --epochs 0")
    if settings.teacher is None and settings.teacher_weights is not None:
        raise LitheError(
            "--teacher-weights are those of a teacher: name it by --teacher (the weights of the "
            "network that is converted are --weights)"
        )
    if settings.epochs == 0 and (settings.teacher or settings.distillation):
        raise LitheError(
            "--teacher, --temperature, --distill-weight and --teacher-features say what a "
            "fine-tuning learns: leave out --epochs 0"
        )


def _go_on(work: Work, fabric: Fabric, progress: Progress) -> ConversionResult:
    settings = work.state.settings
    data = open_data(
        settings.data,
        seed=settings.seed,
        skip_bad_images=settings.skip_bad_images,
        progress=progress,
        workers=settings.workers,
    )
    if work.state.images not in ("", found := fingerprint(data)):
        raise LitheError(
            f"the images in {data.name} are not those that the conversion in {work.path} began "
            "with; start a new one"
        )
    original = open_original(settings, len(data.classes))
    train_images, aside = parts(data, settings)
    calibration = calibration_of(train_images, original.preprocessing, settings)
    x = calibration.inputs[0][:1]
    there = places(original.network, x)
    wanted = named(there, settings.layers, settings.kinds) if settings.layers else there
    if not any(set(settings.kinds) & set(place.kinds) for place in wanted):
        raise LitheError(
            f"{settings.source} has no layer that a {either(settings.kinds)} one can take the "
            f"place of: {wanted[0].layer}: {wanted[0].reason or 'another kind only'}"
        )
    teacher = as_teacher(settings, original)
    if not work.state.finished:  # a finished one is shown without its teacher, which may be gone
        teacher = teacher_for(settings, data) or teacher
    tuning = Tuning(original, teacher, settings, fabric, progress)
    if not work.state.finished:
        tuning.lesson(original.network)  # are the layers there that are to be alike?
    base = timed(original.network, original, settings.threads)
    # What is refused before this leaves the folder as it was, so that it can be given again.
    if work.state.base_s is None:
        work.update(images=found, base_s=base.p50_s)
    measure_layers(work, original, wanted, calibration, x, base.threads, progress)
    if work.state.chosen is None:
        picked = chosen(work, original, progress)
        if not picked:
            raise LitheError(nothing(work.state))
        work.update(chosen=picked)
    if work.state.rows is None:
        settle(work, tuning, there, (train_images, aside), calibration)
    model = work.path / "model.safetensors"
    if work.state.finished:
        network = load_converted(model, original.network)
    else:
        network = _final(work, tuning, there, data, train_images, calibration)
        write_model(model, network, original, work.state, data)
    notes = few_images(calibration)
    return _finished(work, original, network, there, data, base.threads, notes, progress)


def _final(
    work: Work,
    tuning: Tuning,
    there: tuple[Place, ...],
    data: ImageData,
    train_images: ImageSet,
    calibration: Calibration,
) -> nn.Module:
    """The network of the settled rows, trained; accuracies after each step into the state."""
    original, settings, rows = tuning.original, tuning.settings, work.state.rows
    assert rows
    metrics = dict(work.state.metrics)

    def judge(name: str, network: nn.Module) -> None:
        if name not in metrics:
            metrics[name] = accuracy_of(network, data.held_out, original)

    judge("original", original.network)
    made = carried(original, rows, there, settings, calibration, judge, tuning.progress)
    work.update(metrics=metrics, errors=made.errors)
    if settings.epochs != 0:
        folder = work.path / "work"
        recipe = work.state.recipe or tuning.recipe(
            made.network, (train_images, data.held_out), calibration, folder
        )
        work.update(recipe=recipe)
        if recipe is not None:
            before, after = tuning.improve(
                made.network,
                recipe,
                (data.train, data.held_out),
                calibration,
                folder / "tune.safetensors",
                lambda history: write_history(work.path / "history.csv", history),
            )
            work.update(losses=(before, after))
            if after <= before:
                judge("trained", made.network)
                work.update(metrics=metrics)
    return made.network.eval()


def _finished(
    work: Work,
    original: Original,
    network: nn.Module,
    there: tuple[Place, ...],
    data: ImageData,
    threads: int,
    notes: tuple[str, ...],
    progress: Progress,
) -> ConversionResult:
    model, page = work.path / "model.safetensors", work.path / "report.html"
    compared = side_by_side_with(original, network, work.state.settings, progress)
    eager = layers_in_eager(work.state, original, network, progress)
    rows = conversion_rows(work.state, compared, eager, threads, original, there, data, notes)
    write_atomically(page, compare_page(compared, rows).encode())
    if not work.state.finished:
        work.update(finished=now())
    shutil.rmtree(work.path / "work", ignore_errors=True)
    return ConversionResult(work.path, model, page, rows)
