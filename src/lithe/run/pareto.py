"""A front from images to page, step by step; every step that is done is on disk."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import torch
from lightning_fabric import Fabric

from lithe import __version__
from lithe.arch import Architecture
from lithe.errors import LitheError
from lithe.files import write_atomically
from lithe.nets.build import Network
from lithe.nets.model_file import load
from lithe.profiling.latency import Latency, latencies
from lithe.profiling.static import static_profile
from lithe.progress import Progress
from lithe.report.front_page import front_page
from lithe.report.front_rows import FrontRows
from lithe.run import front_state
from lithe.run.designs import Designs
from lithe.run.folder import Folder, check_new, held, read_state, write_history
from lithe.run.front_file import NETWORKS, Front, FrontPoint, write_front
from lithe.run.front_rows import front_rows
from lithe.run.front_search import search_front
from lithe.run.front_state import FrontState, Trained, read_front_state, write_front_state
from lithe.run.full import FullTraining, train_in_full
from lithe.run.machine import make_fabric, prepare
from lithe.run.prices import prediction_of, predicts, prices
from lithe.run.same_images import check_same_images
from lithe.run.settings import Settings, State
from lithe.run.training import recipe_of, seeded
from lithe.run.verify import now, verified
from lithe.runtimes import RUNTIMES, RuntimeName, check_runtime
from lithe.search.front import front
from lithe.search.levels import objectives, worth, worth_training
from lithe.search.shortlist import Candidate
from lithe.search.space import design_space
from lithe.search.trial import Trial
from lithe.training.images import ImageData, open_data
from lithe.training.transforms import preprocessing


@dataclass(frozen=True, slots=True)
class FrontResult:
    """A finished front: its folder, its page, its points, and what the page shows."""

    out: Path
    page: Path
    front: Front
    rows: FrontRows

    @property
    def holds(self) -> bool:
        """Whether the last measurement found every point within the budget."""
        limit = self.front.budget.max_latency_s
        timed = [point.latency for point in self.front.points if point.latency is not None]
        return limit is None or all(latency.p50_s <= limit for latency in timed)

    def network(self, point: FrontPoint) -> Network:
        """The trained network of a point, read from its file."""
        return load(self.out / point.file)


def start_pareto(
    settings: Settings, points: int, out: Path, command: str, progress: Progress
) -> FrontResult:
    """A new front of at most so many points in the folder `out`.

    Raises:
        LitheError: the folder is not empty, the images cannot be used, or nothing fits.
    """
    fabric = _fabric(settings)
    study = f"{out.resolve().name}-{uuid.uuid4().hex[:8]}"
    state = State(__version__, command, settings, prepare(settings), started=now(), study=study)
    if not (out / "run.json").exists():  # one that was killed before it began is no front yet
        (out / front_state.NAME).unlink(missing_ok=True)
    check_new(out)
    with held(out):
        # Before run.json, so that no one takes this folder for that of another kind of run.
        write_front_state(out, FrontState(points))
        return _go_on(Folder(out, state), FrontState(points), fabric, progress)


def resume_pareto(out: Path, progress: Progress) -> FrontResult:
    """Go on with the front in `out` from its last epoch; a finished one is shown again.

    Raises:
        LitheError: no front there, it is being worked on, or its images have changed.
    """
    made = read_front_state(out)
    state = read_state(out)
    fabric = _fabric(state.settings)
    prepare(state.settings)
    with held(out):
        return _go_on(Folder(out, state), made, fabric, progress)


def _fabric(settings: Settings) -> Fabric:
    check_runtime(settings.runtime)
    if settings.budget.max_latency_s is not None and not predicts(settings):
        raise LitheError(
            f"a front up to a latency is searched by predictions, which --runtime "
            f"{settings.runtime} has none of: leave --runtime out, or limit --max-macs instead"
        )
    fabric = make_fabric()
    if fabric.world_size > 1:
        raise LitheError(
            "lithe pareto trains many small networks, which torchrun does not help; "
            "start it as one process"
        )
    return fabric


def _go_on(folder: Folder, made: FrontState, fabric: Fabric, progress: Progress) -> FrontResult:
    settings = folder.state.settings
    data = open_data(
        settings.data,
        seed=settings.seed,
        skip_bad_images=settings.skip_bad_images,
        progress=progress,
        workers=settings.workers,
    )
    check_same_images(folder, data)
    if not made.chosen:
        prediction = prediction_of(folder, progress)
        predictor = prediction.predictor if prediction else None
        designs = Designs(
            design_space(data.typical_side),
            settings.budget,
            lambda archs: prices(archs, predictor),
            data,
            settings.seed,
        )
        trials = search_front(folder, designs, fabric, progress)
        made = _chosen(trials, made, folder, designs, fabric, progress)
    for number, candidate in enumerate(made.chosen, 1):
        if candidate.arch.label not in made.trained:
            progress.say(f"network {number} of {len(made.chosen)}: {candidate.arch.short_label}")
            made = _trained(candidate.arch, made, folder, data, fabric, progress)
    if not folder.state.finished:
        folder.update(msgspec.structs.replace(folder.state, finished=now()))
    found = _front(made, folder, data)
    write_front(folder.path, found)
    rows = front_rows(found, folder, data)
    page = folder.path / "front.html"
    write_atomically(page, front_page(rows).encode())
    folder.clear_work()
    return FrontResult(folder.path, page, found, rows)


def _chosen(
    trials: Sequence[Trial],
    made: FrontState,
    folder: Folder,
    designs: Designs,
    fabric: Fabric,
    progress: Progress,
) -> FrontState:
    """Those that are trained in full: of the front, spread out, and quick enough when timed."""
    left, kept = list(trials), dict[str, Candidate]()
    while len(kept) < made.points:
        wanted = worth_training(left, objectives(designs.budget), made.points - len(kept))
        too_slow: LitheError | None = None
        for candidate in wanted:
            left = [trial for trial in left if trial.candidate != candidate]
            try:
                found = verified([candidate], folder, designs.prices, fabric, progress)
                kept.setdefault(found.arch.label, found)
            except LitheError as error:
                too_slow = error
                progress.say(f"{candidate.arch.short_label} is left out: too slow at any width")
        if too_slow is None:
            break
        if not kept and not left:
            raise too_slow
        # One that is too slow leaves its place to another of the front.
    chosen = tuple(sorted(kept.values(), key=lambda candidate: candidate.price.macs))
    made = msgspec.structs.replace(made, chosen=chosen)
    write_front_state(folder.path, made)
    return made


def _trained(
    arch: Architecture,
    made: FrontState,
    folder: Folder,
    data: ImageData,
    fabric: Fabric,
    progress: Progress,
) -> FrontState:
    settings = folder.state.settings
    recipe = recipe_of(settings, len(data.train), arch)
    networks = folder.path / NETWORKS
    networks.mkdir(exist_ok=True)
    metrics = train_in_full(
        FullTraining(
            arch,
            preprocessing(arch.resolution, arch.in_channels),
            recipe,
            folder.checkpoint(f"full-{arch.label}"),
            networks / f"{arch.label}.safetensors",
        ),
        seeded(arch, settings.seed),
        data,
        settings,
        fabric,
        progress,
        lambda rows: write_history(networks / f"{arch.label}.csv", rows),
    )
    done = Trained(metrics["val_accuracy"], metrics["val_loss"])
    made = msgspec.structs.replace(made, trained={**made.trained, arch.label: done})
    write_front_state(folder.path, made)
    return made


def _front(made: FrontState, folder: Folder, data: ImageData) -> Front:
    """Everything counted and timed again on the saved files."""
    state, settings = folder.state, folder.state.settings
    files = [f"{NETWORKS}/{candidate.arch.label}.safetensors" for candidate in made.chosen]
    networks = [load(folder.path / file) for file in files]
    times = _timed(networks, settings.runtime)
    points = []
    for candidate, file, network, latency in zip(made.chosen, files, networks, times, strict=True):
        arch = network.arch
        counted = static_profile(network, (1, arch.in_channels, arch.resolution, arch.resolution))
        points.append(
            FrontPoint(
                label=arch.label,
                arch=arch,
                file=file,
                accuracy=made.trained[arch.label].accuracy,
                loss=made.trained[arch.label].loss,
                macs=counted.macs,
                params=counted.params,
                peak_activation_bytes=counted.peak_activation_bytes,
                latency=latency,
                predicted=candidate.price.predicted,
            )
        )
    costs = objectives(settings.budget)
    best = front([worth(point.accuracy, point.price, costs) for point in points])
    return Front(
        lithe=__version__,
        command=state.command,
        data=data.name,
        classes=data.classes,
        images=state.images,
        held_out=len(data.held_out),
        seed=settings.seed,
        budget=settings.budget,
        machine=state.machine,
        points=tuple(
            msgspec.structs.replace(point, dominated=index not in best)
            for index, point in enumerate(points)
        ),
        finished=state.finished,
    )


def _timed(networks: Sequence[Network], runtime: RuntimeName) -> tuple[Latency, ...]:
    """Each on as many threads as suit it, all in turns."""
    ready = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for network in networks:
            arch = network.arch
            x = torch.randn(1, arch.in_channels, arch.resolution, arch.resolution)
            ready.append((RUNTIMES[runtime](network, tuple(x.shape)), x))
    return latencies(ready)
