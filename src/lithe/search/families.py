"""The families of the design space: what may be chosen for each stage, as data."""

from dataclasses import dataclass

from lithe.arch.rows import Activation

KERNELS = (3, 5, 7)
EXPANSIONS = (2, 3, 4, 6)
# relu6 is the papers' of 2017 and 2018, hard_swish that of 2019, which costs the engine
# hardly more. Not here: relu, which costs the same and differs above 6 only, and silu, whose
# exponential costs half a network more (docs/decisions/0010-design-space.md).
ACTIVATIONS: tuple[Activation, ...] = ("relu6", "hard_swish")


@dataclass(frozen=True, slots=True)
class StageChoices:
    """What may be chosen for one stage; every combination, but for the constraints."""

    n: tuple[int, ...]
    t: tuple[int, ...] = (1,)
    k: tuple[int, ...] = KERNELS
    squeeze: tuple[bool, ...] = (False, True)
    act: tuple[Activation, ...] = ACTIVATIONS


@dataclass(frozen=True, slots=True)
class Family:
    """A family by the name of its table, whose channels and strides all its points share.

    `act` is what may be chosen for the stem and the last convolution.
    """

    name: str
    stages: tuple[StageChoices, ...]
    act: tuple[Activation, ...] = ACTIVATIONS


# Repeats go from 1 to one more than the paper's.
FAMILIES = (
    Family(
        "mobilenet_v2",
        (
            StageChoices(n=(1, 2)),                          # 112 -> 112
            StageChoices(n=(1, 2, 3), t=EXPANSIONS),         # 112 -> 56
            StageChoices(n=(1, 2, 3, 4), t=EXPANSIONS),      # 56 -> 28
            StageChoices(n=(1, 2, 3, 4, 5), t=EXPANSIONS),   # 28 -> 14
            StageChoices(n=(1, 2, 3, 4), t=EXPANSIONS),      # 14 -> 14
            StageChoices(n=(1, 2, 3, 4), t=EXPANSIONS),      # 14 -> 7
            StageChoices(n=(1, 2), t=EXPANSIONS),            # 7 -> 7
        ),
    ),
    Family(
        "mobilenet_v1",
        (
            StageChoices(n=(1, 2)),                          # 112 -> 112
            StageChoices(n=(1, 2)),                          # 112 -> 56
            StageChoices(n=(1, 2)),                          # 56 -> 56
            StageChoices(n=(1, 2)),                          # 56 -> 28
            StageChoices(n=(1, 2)),                          # 28 -> 28
            StageChoices(n=(1, 2)),                          # 28 -> 14
            StageChoices(n=(1, 2, 3, 4, 5, 6)),              # 14 -> 14
            StageChoices(n=(1, 2)),                          # 14 -> 7
            StageChoices(n=(1, 2)),                          # 7 -> 7
        ),
    ),
    Family(
        "shallow_mobilenet",
        (
            StageChoices(n=(1, 2)),                          # 112 -> 112
            StageChoices(n=(1, 2)),                          # 112 -> 56
            StageChoices(n=(1, 2)),                          # 56 -> 56
            StageChoices(n=(1, 2)),                          # 56 -> 28
            StageChoices(n=(1, 2)),                          # 28 -> 28
            StageChoices(n=(1, 2)),                          # 28 -> 14
            StageChoices(n=(1, 2)),                          # 14 -> 7
            StageChoices(n=(1, 2)),                          # 7 -> 7
        ),
    ),
)  # fmt: skip
