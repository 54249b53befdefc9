"""The teacher of a run: opened and tried before anything is searched or trained."""

from pathlib import Path
from typing import TypeVar

import msgspec

from lithe.arch import Architecture, architecture, changed
from lithe.errors import LitheError
from lithe.nets.build import Network
from lithe.nets.card import Preprocessing
from lithe.run.settings import Settings, TeacherSettings
from lithe.run.training import seeded
from lithe.search.space import FAMILIES
from lithe.training.images import ImageData
from lithe.training.lesson import Lesson
from lithe.training.open_teacher import open_teacher
from lithe.training.teacher import Teacher, check_classes
from lithe.training.transforms import preprocessing

S = TypeVar("S", bound=TeacherSettings)

_TRIED_SIDE = 32  # pixels; what layers a network has does not depend on it


def with_teacher(settings: S) -> S:
    """The settings with the paths of a teacher's files whole, so that a run goes on anywhere.

    Raises:
        LitheError: a file that is named is not there.
    """
    named = {
        field: Path(text).absolute()
        for field in ("teacher", "teacher_weights")
        if (text := getattr(settings, field)) is not None
        and (field == "teacher_weights" or Path(text).suffix in (".onnx", ".safetensors"))
    }
    for path in named.values():
        if not path.is_file():
            raise LitheError(f"there is no file {path}; name the teacher's weights")
    return msgspec.structs.replace(settings, **{field: str(path) for field, path in named.items()})


def teacher_for(settings: TeacherSettings, data: ImageData) -> Teacher | None:
    """The teacher that the settings name, if any, for the classes of these images.

    Raises:
        LitheError: it cannot be had, or was not trained on such classes.
    """
    if settings.teacher is None:
        return None
    weights = None if settings.teacher_weights is None else Path(settings.teacher_weights)
    teacher = open_teacher(settings.teacher, weights, len(data.classes))
    check_classes(teacher, data.classes)
    return teacher


def check_layers(settings: Settings, teacher: Teacher | None, data: ImageData) -> None:
    """Try the lesson on every table that may win: width and resolution change no layer's name.

    Raises:
        LitheError: a layer of the student or of the teacher that is to be alike is not there.
    """
    if teacher is None or not settings.how.features:
        return
    if settings.table is not None:
        tables = [settings.table]
    else:
        tables = [architecture(name, width=0.25, resolution=_TRIED_SIDE) for name in FAMILIES]
    for table in tables:
        arch = for_images(table, data)
        prep = preprocessing(arch.resolution, arch.in_channels)
        try:
            lesson_of(settings, teacher, seeded(arch, settings.seed), prep)
        except LitheError as error:
            raise LitheError(f"{arch.short_label}: {error}") from None


def lesson_of(
    settings: Settings, teacher: Teacher | None, network: Network, prep: Preprocessing
) -> Lesson | None:
    """What a network is to learn from the teacher, if there is one.

    Raises:
        LitheError: a layer that is to be alike is not there, or makes no map.
    """
    if teacher is None:
        return None
    return Lesson(network, teacher, settings.how, prep, settings.seed)


def for_images(table: Architecture, data: ImageData) -> Architecture:
    """The table for the classes and channels of these images."""
    return changed(table, num_classes=len(data.classes), in_channels=data.channels)


def teacher_fact(settings: TeacherSettings, otherwise: str = "") -> str:
    """What the page says of the teacher: which, or `otherwise`, from what file, how."""
    how = settings.how
    weights = f", weights of {settings.teacher_weights}" if settings.teacher_weights else ""
    pairs = ", ".join("=".join(pair) for pair in how.features)
    features = f", features {pairs}" if pairs else ""
    return (
        f"{settings.teacher or otherwise}{weights}; temperature {how.temperature:g}, "
        f"weight {how.weight:g}{features}"
    )
