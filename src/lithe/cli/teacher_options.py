"""What a command takes of a teacher."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypedDict

import click
import msgspec

from lithe.cli.runs import F, RunOptions, settings_of
from lithe.errors import LitheError

if TYPE_CHECKING:
    from lithe.run.settings import Settings
    from lithe.training.distillation import Distillation


class TeacherOptions(TypedDict):
    """These options as click hands them over."""

    teacher: str | None
    teacher_weights: str | None
    temperature: float | None
    distill_weight: float | None
    teacher_features: tuple[str, ...]


class TaughtOptions(RunOptions, TeacherOptions):
    """Those of a command whose full training can learn from a teacher."""


FULL_TRAINING = "the full training learns from (the short ones of a search do not)"

_FORMS = (
    "timm:NAME, torchvision:NAME, package.module:attribute, FILE.safetensors of lithe, or FILE.onnx"
)
_HOW = (
    click.option(
        "--teacher-weights",
        type=click.Path(),
        help="The teacher's weights, a plain state dict in a safetensors file.",
    ),
    click.option(
        "--temperature",
        type=click.FloatRange(0, 100, min_open=True),
        help="Divides the logits before teacher and student are compared [4].",
    ),
    click.option(
        "--distill-weight",
        type=click.FloatRange(0, 1),
        help="The teacher's share of the loss; the rest is the labels' [0.9].",
    ),
    click.option(
        "--teacher-features",
        metavar="STUDENT=TEACHER",
        multiple=True,
        help="Two layers whose maps are to be alike; may be given several times.",
    ),
)


def teacher_options(use: str) -> Callable[[F], F]:
    """Give a command the options of a teacher; `use` says what learns from it."""
    teacher = click.option("--teacher", help=f"A trained network that {use}: {_FORMS}.")

    def give(function: F) -> F:
        for option in reversed((teacher, *_HOW)):
            function = option(function)
        return function

    return give


def taught_settings_of(data: str, options: TaughtOptions) -> "Settings":
    """As `settings_of`, with the teacher.

    Raises:
        LitheError: a pair of layers that is none.
    """
    return msgspec.structs.replace(
        settings_of(data, options),
        teacher=options["teacher"],
        teacher_weights=options["teacher_weights"],
        distillation=distillation_of(options),
    )


def distillation_of(options: TeacherOptions) -> "Distillation | None":
    """How a teacher is to teach, None where nothing of it was said.

    Raises:
        LitheError: a pair of layers that is none.
    """
    from lithe.training.distillation import Distillation

    pairs = []
    for text in options["teacher_features"]:
        student, _, teacher = text.partition("=")
        if not student or not teacher:
            raise LitheError(
                f"--teacher-features {text!r} names no two layers; write STUDENT=TEACHER, such as "
                "blocks.5=layer3"
            )
        pairs.append((student, teacher))
    temperature, weight = options["temperature"], options["distill_weight"]
    if temperature is None and weight is None and not pairs:
        return None
    usual = Distillation()
    return Distillation(
        usual.temperature if temperature is None else temperature,
        usual.weight if weight is None else weight,
        tuple(pairs),
    )
