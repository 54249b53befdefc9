"""A point of the design space: the structure of a network, without its width."""

from msgspec import Struct

from lithe.arch.rows import Activation, Expansion, Kernel, Repeats


class StageChoice(Struct, frozen=True, forbid_unknown_fields=True):
    """What is chosen for one stage: repeats n, expansion t, kernel k, squeeze-and-excite or not.

    `t` is 1 where a family's blocks do not expand.
    """

    n: Repeats
    t: Expansion
    k: Kernel
    squeeze: bool = False


class Point(Struct, frozen=True, forbid_unknown_fields=True):
    """A structure: with a width it is an `Architecture` (`lithe.search.space.table_of`)."""

    family: str
    resolution: int
    activation: Activation
    stages: tuple[StageChoice, ...]
