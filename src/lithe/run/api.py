"""`lithe.fit`, `lithe.pareto`, `lithe.train`, `lithe.resume`: one call each, images to a run."""

from pathlib import Path

from lithe.arch import Architecture, architecture
from lithe.errors import LitheError
from lithe.progress import Progress
from lithe.run.front_state import POINTS
from lithe.run.pareto import FrontResult, start_pareto
from lithe.run.run import Result, resume_run, start_run
from lithe.run.settings import SearchName, Settings
from lithe.runtimes import DEFAULT, RuntimeName
from lithe.search.budget import LIMITS, Budget, asked
from lithe.training.distillation import Distillation


def fit(
    data: str | Path,
    budget: Budget,
    *,
    out: str | Path,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    seed: int = 0,
    threads: int | None = None,
    workers: int | None = None,
    runtime: RuntimeName = DEFAULT,
    skip_bad_images: bool = False,
    search: SearchName | None = None,
    trials: int | None = None,
    parallel: int | None = None,
    cluster: str | None = None,
    store: str | None = None,
    device: str | Path | None = None,
    front: str | Path | None = None,
    teacher: str | Path | None = None,
    teacher_weights: str | Path | None = None,
    distillation: Distillation | None = None,
    pretrained: bool = False,
    quiet: bool = True,
) -> Result:
    """Find the most accurate network within a budget and train it on these images.

    Args:
        data: `digits`, a folder of class folders, or `torchvision:NAME`.
        budget: limits for one image; at least one must be set.
        out: folder for the run, new or empty.
        epochs: of the full training; from the number of images if None, like the next two
            (see `recipe_for`).
        batch_size: images per step and process.
        learning_rate: its highest value.
        seed: of the split, the weights and the distortions.
        threads: to train with, and the most to measure latency with; torch's own choice if
            None.
        workers: processes that decode images; one per core if None.
        runtime: what latency is measured in: `lithe`, the engine, or `eager` PyTorch.
        skip_bad_images: go on without images that cannot be read.
        search: `space`, all structures of the design space, or `grid`, the papers' at all
            widths and resolutions; the default is in `lithe.run.settings`.
        trials: how many networks are compared by short trainings.
        parallel: how many of these run side by side on this machine, or on the cluster.
        cluster: the address of a Ray cluster to run them on.
        store: the URL of the trials' store for Optuna; a file in the folder if None.
        device: a file of `lithe device --latency-table`: latency is predicted for that
            machine, and not measured.
        front: folder of a finished front (`pareto`) of these images: its most accurate
            network within the budget is taken, and nothing is trained. `seed` is then the
            front's.
        teacher: a trained network that the full training learns from, the short ones of the
            search do not: `timm:NAME`, `torchvision:NAME`, `package.module:attribute`, a
            model file, or an ONNX file.
        teacher_weights: its weights, a state dict in a safetensors file, where the teacher
            is not a file itself.
        distillation: how to learn from it; the defaults of `Distillation` if None.
        pretrained: start every training, the short ones of the search too, from timm's
            ImageNet weights of the nearest width (see `nearest_pretrained`).
        quiet: say nothing on stderr.

    Raises:
        LitheError: images, budget or folder cannot be used, or weights cannot be had; says
            what to do.
    """
    settings = Settings(
        data=str(data),
        budget=budget,
        pretrained=pretrained,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
        threads=threads,
        workers=workers,
        runtime=runtime,
        skip_bad_images=skip_bad_images,
        search=search,
        trials=trials,
        parallel=parallel,
        cluster=cluster,
        store=store,
        device=None if device is None else str(device),
        front=None if front is None else str(front),
        teacher=None if teacher is None else str(teacher),
        teacher_weights=None if teacher_weights is None else str(teacher_weights),
        distillation=distillation,
    )
    limits = _limits(budget)
    rest = f"out={str(out)!r}, seed={seed}{_taught(settings)}"
    command = f"lithe.fit({str(data)!r}, lithe.Budget({limits}), {rest})"
    return start_run(settings, Path(out), command, Progress(quiet))


def pareto(
    data: str | Path,
    budget: Budget,
    *,
    out: str | Path,
    points: int = POINTS,
    trials: int | None = None,
    parallel: int | None = None,
    cluster: str | None = None,
    store: str | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    seed: int = 0,
    threads: int | None = None,
    workers: int | None = None,
    runtime: RuntimeName = DEFAULT,
    skip_bad_images: bool = False,
    quiet: bool = True,
) -> FrontResult:
    """Find and train the front of accuracy against cost on these images, up to a budget.

    At most `points` networks, each in a file of its own; `trials` networks are compared by
    short trainings before. The other arguments are those of `fit`; `fit` with
    `front=out` takes one for a smaller budget. `lithe.run.pareto.resume_pareto` goes on
    with one that was stopped.

    Raises:
        LitheError: images, budget or folder cannot be used; says what to do.
    """
    settings = Settings(
        data=str(data),
        budget=budget,
        trials=trials,
        parallel=parallel,
        cluster=cluster,
        store=store,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
        threads=threads,
        workers=workers,
        runtime=runtime,
        skip_bad_images=skip_bad_images,
    )
    limits = _limits(budget)
    command = f"lithe.pareto({str(data)!r}, lithe.Budget({limits}), out={str(out)!r}, seed={seed})"
    return start_pareto(settings, points, Path(out), command, Progress(quiet))


def _limits(budget: Budget) -> str:
    """A budget as it is written in a call."""
    limits = ", ".join(f"{limit.field}={value}" for limit, value in asked(budget))
    if not limits:
        raise LitheError(f"a budget needs a limit: {', '.join(limit.field for limit in LIMITS)}")
    return limits


def _taught(settings: Settings) -> str:
    """The arguments of a teacher as they are written in a call."""
    fields = ("teacher", "teacher_weights", "distillation")
    given = ((field, getattr(settings, field)) for field in fields)
    return "".join(f", {field}={value!r}" for field, value in given if value is not None)


def train(
    data: str | Path,
    arch: str | Architecture,
    *,
    out: str | Path,
    pretrained: bool = False,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    seed: int = 0,
    threads: int | None = None,
    workers: int | None = None,
    runtime: RuntimeName = DEFAULT,
    skip_bad_images: bool = False,
    teacher: str | Path | None = None,
    teacher_weights: str | Path | None = None,
    distillation: Distillation | None = None,
    quiet: bool = True,
) -> Result:
    """Train one architecture on these images.

    `arch` is a name, or a table from `lithe.arch.architecture` with its width and
    resolution; classes and channels are those of the images. `pretrained` starts from
    timm's ImageNet weights, of its own or the nearest width. The other arguments, and what
    is raised, are those of `fit`.
    """
    table = architecture(arch) if isinstance(arch, str) else arch
    settings = Settings(
        data=str(data),
        table=table,
        pretrained=pretrained,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
        threads=threads,
        workers=workers,
        runtime=runtime,
        skip_bad_images=skip_bad_images,
        teacher=None if teacher is None else str(teacher),
        teacher_weights=None if teacher_weights is None else str(teacher_weights),
        distillation=distillation,
    )
    rest = f"out={str(out)!r}, seed={seed}{_taught(settings)}"
    command = f"lithe.train({str(data)!r}, {table.label!r}, {rest})"
    return start_run(settings, Path(out), command, Progress(quiet))


def resume(out: str | Path, *, quiet: bool = True) -> Result:
    """Go on with the run in a folder from its last epoch, with the settings it began with.

    On the same machine the weights end up as if it had never been stopped, bit for bit.

    Raises:
        LitheError: no run there, another process works in it, or its images have changed.
    """
    return resume_run(Path(out), Progress(quiet))
