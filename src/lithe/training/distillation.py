"""Learning from a teacher: how much, how softly, from which layers; and the loss of it.

A small network learns more from the whole answer of a large one than from the right class
alone: what the teacher holds for possible besides tells which classes are alike (Hinton et
al., arXiv:1503.02531). Layers of its own can be shown to it as well (FitNets, arXiv:1412.6550).
"""

from typing import Annotated

from msgspec import Meta, Struct
from torch import Tensor
from torch.nn import functional as F

from lithe.errors import LitheError

MOST_TEMPERATURE = 100.0
_TINY = 1e-6  # a map of zeros stays one, and its gradients stay small


class Distillation(Struct, frozen=True, forbid_unknown_fields=True):
    """How a network learns from a teacher.

    `temperature` divides the logits of both before their softmax: above 1 the small
    probabilities come forward. `weight` is the share of the teacher's term, 1 - `weight` that
    of the labels. `features` are pairs of layers, the student's and the teacher's by their
    names in the modules, whose maps are to be alike.

    Raises:
        LitheError: a temperature that is not above 0 and at most 100, or a weight outside 0
            to 1.
    """

    temperature: Annotated[float, Meta(gt=0, le=MOST_TEMPERATURE)] = 4.0
    weight: Annotated[float, Meta(ge=0, le=1)] = 0.9
    features: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.temperature <= MOST_TEMPERATURE:
            raise LitheError(
                f"a temperature of {self.temperature:g} is not above 0 and at most "
                f"{MOST_TEMPERATURE:g}; 4 is usual"
            )
        if not 0 <= self.weight <= 1:
            raise LitheError(f"a teacher's weight of {self.weight:g} is not between 0 and 1")


class Taught(Struct, frozen=True, forbid_unknown_fields=True):
    """What a checkpoint remembers of its lesson: the teacher's name, and how it taught."""

    teacher: str
    distillation: Distillation


def soft_loss(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """T^2 KL(teacher || student) of logits (n, classes) at a temperature, in nats per image.

    In float32 whatever the logits are in. T^2 keeps the gradients as large as those of the
    labels' term at every temperature (arXiv:1503.02531, section 2).
    """
    ours = F.log_softmax(student.float() / temperature, 1)
    theirs = F.log_softmax(teacher.float() / temperature, 1)
    return temperature**2 * F.kl_div(ours, theirs, reduction="batchmean", log_target=True)


def feature_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean square of the difference of two maps n c h w, each image's at a root mean square of 1.

    So it is between 0 and 4, however large the teacher's numbers are, and in float32.
    """
    return F.mse_loss(_normalised(student), _normalised(teacher))


def pooled_alike(student: Tensor, teacher: Tensor) -> tuple[Tensor, Tensor]:
    """Two maps n c h w at the smaller h and w of the two, by averaging."""
    height, width = map(min, student.shape[2:], teacher.shape[2:])
    first, second = (
        x if x.shape[2:] == (height, width) else F.adaptive_avg_pool2d(x, (height, width))
        for x in (student, teacher)
    )
    return first, second


def _normalised(x: Tensor) -> Tensor:
    x = x.float()
    return x / (x.square().mean((1, 2, 3), keepdim=True) + _TINY).sqrt()
