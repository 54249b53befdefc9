"""Settings that contradict each other are found before anything begins."""

from lithe.errors import LitheError
from lithe.run.settings import Settings
from lithe.runtimes import check_runtime


def check_settings(settings: Settings) -> None:
    """Make sure that a run can do what it is asked.

    Raises:
        LitheError: a runtime that does not work here, or settings that exclude each other.
    """
    check_runtime(settings.runtime)
    limited = settings.budget.max_latency_s is not None
    if settings.device is not None:
        if not limited:
            raise LitheError("--device predicts latency: name a limit on it by --max-latency")
        if settings.runtime != "lithe":
            raise LitheError(
                f"--device predicts the latency of lithe's engine, not of --runtime "
                f"{settings.runtime}; leave one of them out"
            )
    _check_teacher(settings)
    if settings.front is not None and settings.pretrained:
        raise LitheError(
            "--front takes a trained network, and nothing is trained: leave --pretrained out"
        )
    if settings.search == "space" and settings.runtime != "lithe" and limited:
        raise LitheError(
            f"--search space predicts latencies, and those of --runtime {settings.runtime} have "
            "to be measured one by one: use --search grid, or leave --runtime out"
        )


def _check_teacher(settings: Settings) -> None:
    if settings.teacher is None:
        if settings.teacher_weights is not None or settings.distillation is not None:
            raise LitheError(
                "--teacher-weights, --temperature, --distill-weight and --teacher-features say "
                "how to learn from a teacher: name it by --teacher"
            )
        return
    if settings.front is not None:
        raise LitheError(
            "a network of a front is trained already, so no --teacher can teach it; leave --front "
            "or --teacher out"
        )
    if settings.how.features and settings.table is None and settings.searched == "space":
        raise LitheError(
            "--teacher-features names layers, and what layers a network of --search space has is "
            "not known before: use --search grid, or lithe train"
        )
