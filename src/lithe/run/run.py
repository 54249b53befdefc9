"""A run from images to report, step by step; every step that is done is on disk."""

import uuid
from dataclasses import dataclass
from pathlib import Path

import msgspec
from lightning_fabric import Fabric

from lithe import __version__
from lithe.device.file import save_device
from lithe.errors import LitheError
from lithe.files import write_atomically
from lithe.nets.build import Network
from lithe.nets.model_file import load
from lithe.nets.pretrained import load_pretrained
from lithe.progress import Progress
from lithe.report.rows import RunRows
from lithe.report.run_page import run_page
from lithe.run import front_state
from lithe.run.check import check_settings
from lithe.run.finished import Timing, reject, time_finished
from lithe.run.folder import Folder, check_new, held, read_state
from lithe.run.from_front import take_from_front, with_front
from lithe.run.full import FullTraining, train_in_full
from lithe.run.machine import make_fabric, prepare
from lithe.run.pretrained import check_pretrained
from lithe.run.prices import device_in
from lithe.run.rows import run_rows
from lithe.run.same_images import check_same_images
from lithe.run.search import find_winner
from lithe.run.settings import Settings, State
from lithe.run.teacher import check_layers, for_images, lesson_of, teacher_for, with_teacher
from lithe.run.training import recipe_of, seeded
from lithe.run.verify import now
from lithe.runtimes import check_runtime
from lithe.search.verify import SLOWER
from lithe.training.images import ImageData, open_data
from lithe.training.teacher import Teacher
from lithe.training.transforms import preprocessing


@dataclass(frozen=True, slots=True)
class Result:
    """A finished run: where its files are, and what its page shows."""

    out: Path
    model: Path
    report: Path
    rows: RunRows
    rank: int = 0  # of this process among those of a distributed run

    @property
    def accuracy(self) -> float:
        """Share of right answers on the held-out images."""
        return self.rows.accuracy

    @property
    def network(self) -> Network:
        """The trained network, read from its file."""
        return load(self.model)


def start_run(settings: Settings, out: Path, command: str, progress: Progress) -> Result:
    """A new run in the folder `out`.

    Raises:
        LitheError: the folder is not empty, the images cannot be used, pretrained weights
            are asked for and cannot be had, or nothing fits.
    """
    check_settings(settings)
    device = None if settings.device is None else device_in(Path(settings.device), settings)
    settings = with_teacher(with_front(settings))
    fabric = make_fabric()
    machine = prepare(settings)
    study = f"{out.resolve().name}-{uuid.uuid4().hex[:8]}"
    state = State(__version__, command, settings, machine, started=now(), study=study)
    check_new(out)
    check_pretrained(settings)
    fabric.barrier()
    with held(out, fabric.is_global_zero):
        folder = Folder(out, state, fabric.is_global_zero)
        if device is not None and folder.writes:
            save_device(device, folder.device)  # --resume does not need the file that was named
        return _go_on(folder, fabric, progress)


def resume_run(out: Path, progress: Progress) -> Result:
    """Go on with the run in `out` from its last epoch; a finished run is shown again.

    Raises:
        LitheError: no run there, it is being worked on, or its images have changed.
    """
    state = read_state(out)
    if (out / front_state.NAME).exists():
        raise LitheError(f"{out} is a front; go on with: lithe pareto --resume {out}")
    check_runtime(state.settings.runtime)
    fabric = make_fabric()
    machine = prepare(state.settings)
    if (machine.threads, machine.torch) != (state.machine.threads, state.machine.torch):
        progress.say(
            f"this run began with torch {state.machine.torch} on {state.machine.threads} threads "
            f"and goes on with torch {machine.torch} on {machine.threads}: last digits may differ"
        )
    with held(out, fabric.is_global_zero):
        return _go_on(Folder(out, state, fabric.is_global_zero), fabric, progress)


def _go_on(folder: Folder, fabric: Fabric, progress: Progress) -> Result:
    settings = folder.state.settings
    if not fabric.is_global_zero:
        progress = Progress(quiet=True)
    data = open_data(
        settings.data,
        seed=settings.seed,
        skip_bad_images=settings.skip_bad_images,
        progress=progress,
        workers=settings.workers,
    )
    check_same_images(folder, data)
    teacher = None
    if not folder.state.finished:
        teacher = teacher_for(settings, data)
        check_layers(settings, teacher, data)
    timing = _winner_that_holds(folder, data, teacher, fabric, progress)
    rows = fabric.broadcast(
        run_rows(folder, data, timing, fabric.world_size) if fabric.is_global_zero else None
    )
    assert rows is not None
    if fabric.is_global_zero:
        write_atomically(folder.report, run_page(rows).encode())
        folder.clear_work()
    fabric.barrier()
    return Result(folder.path, folder.model, folder.report, rows, fabric.global_rank)


def _winner_that_holds(
    folder: Folder, data: ImageData, teacher: Teacher | None, fabric: Fabric, progress: Progress
) -> Timing:
    """Choose, train and time; where the trained network is too slow, choose again.

    That it was quick enough before it was trained is known by then, so it is too slow only
    where the machine has changed. A machine that is slow as a whole is no reason to train
    another network: then the limit is reported as broken.
    """
    while True:
        settings = folder.state.settings
        if folder.state.winner is None:
            if settings.table is not None:
                table = for_images(settings.table, data)
                folder.update(msgspec.structs.replace(folder.state, winner=table))
            elif settings.front is not None:
                take_from_front(folder, data, fabric, progress)
            else:
                find_winner(folder, data, fabric, progress)
        if not folder.state.metrics:
            _train_winner(folder, data, teacher, fabric, progress)
        # One process measures, so that the others do not disturb it.
        timing = fabric.broadcast(time_finished(folder) if fabric.is_global_zero else None)
        assert timing is not None
        if folder.state.finished:
            return timing  # it was judged before; this only shows it again
        if not timing.too_slow or settings.table is not None or timing.slower_by > SLOWER:
            folder.update(msgspec.structs.replace(folder.state, finished=now()))
            return timing
        progress.say(reject(folder, timing))


def _train_winner(
    folder: Folder, data: ImageData, teacher: Teacher | None, fabric: Fabric, progress: Progress
) -> None:
    settings, arch = folder.state.settings, folder.state.winner
    assert arch is not None
    recipe = recipe_of(settings, len(data.train), arch)
    rejected = sum(attempt.accuracy is not None for attempt in folder.state.attempts)
    checkpoint = folder.checkpoint(f"final-{rejected + 1}" if rejected else "final")
    network = seeded(arch, settings.seed)
    prep = folder.state.preprocessing or preprocessing(arch.resolution, arch.in_channels)
    if settings.pretrained and not checkpoint.exists():
        found = load_pretrained(network)
        prep = msgspec.structs.replace(prep, mean=found.mean, std=found.std)
        progress.say(found.told)
    folder.update(msgspec.structs.replace(folder.state, recipe=recipe, preprocessing=prep))
    metrics = train_in_full(
        FullTraining(arch, prep, recipe, checkpoint, folder.model),
        network,
        data,
        settings,
        fabric,
        progress,
        folder.write_history,
        lesson_of(settings, teacher, network, prep),
    )
    folder.update(msgspec.structs.replace(folder.state, metrics=metrics))
