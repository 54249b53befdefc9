"""A trained network that another learns from, and how it is given that one's images."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lithe.errors import LitheError
from lithe.nets.card import Preprocessing

_LUMA = (0.299, 0.587, 0.114)  # ITU-R 601, as Pillow makes grey of colour


@dataclass(frozen=True, slots=True)
class Teacher:
    """A network in eval mode, without gradients, and what it wants to be given.

    `module` takes (n, channels, side, side), float32, scaled to 0..1 and normalised by `mean`
    and `std`, and returns logits (n, classes). `side` is None where any will do. `classes`
    are their names, as far as the teacher says them.
    """

    name: str
    module: nn.Module
    channels: int
    side: int | None
    mean: tuple[float, ...]
    std: tuple[float, ...]
    classes: tuple[str, ...] = ()


def check_classes(teacher: Teacher, classes: Sequence[str]) -> None:
    """Make sure that the teacher's classes are the images', in the same order.

    Raises:
        LitheError: they are not, as far as the teacher says what they are.
    """
    if teacher.classes and teacher.classes != tuple(classes):
        theirs, ours = next(
            pair for pair in zip(teacher.classes, classes, strict=True) if pair[0] != pair[1]
        )
        raise LitheError(
            f"the teacher {teacher.name} knows {theirs!r} where the images have {ours!r}; "
            "take a teacher that was trained on these classes"
        )


def as_the_teacher_sees(x: Tensor, prep: Preprocessing, teacher: Teacher) -> Tensor:
    """Images n c h w that were prepared by `prep`, as the teacher is to be given them.

    Grey is repeated for a teacher of three channels, and colours become grey for one of one
    channel; mean and standard deviation become the teacher's; another size is resized to the
    teacher's, bilinearly, averaging where it shrinks. The image itself, with its distortions,
    stays the same.

    Raises:
        LitheError: no way from so many channels to the teacher's.
    """
    if (prep.mean, prep.std) != (teacher.mean, teacher.std):
        x = x * _by_channel(prep.std, x) + _by_channel(prep.mean, x)
        if (prep.channels, teacher.channels) == (3, 1):
            x = (x * _by_channel(_LUMA, x)).sum(1, keepdim=True)
        elif prep.channels == 1:
            x = x.expand(-1, teacher.channels, -1, -1)
        elif prep.channels != teacher.channels:
            raise LitheError(
                f"the teacher {teacher.name} takes {teacher.channels} channels and the images "
                f"have {prep.channels}; take a teacher of 1 or 3"
            )
        x = (x - _by_channel(teacher.mean, x)) / _by_channel(teacher.std, x)
    if teacher.side is not None and x.shape[2:] != (teacher.side, teacher.side):
        side = (teacher.side, teacher.side)
        x = F.interpolate(x, side, mode="bilinear", align_corners=False, antialias=True)
    return x


def _by_channel(numbers: Sequence[float], x: Tensor) -> Tensor:
    return torch.tensor(numbers, dtype=x.dtype, device=x.device)[:, None, None]
