"""A point of the design space: the structure of a network, without its width."""

from msgspec import Struct

from lithe.arch.rows import Activation
from lithe.arch.structure import StageChoice

__all__ = ["Point", "StageChoice"]


class Point(Struct, frozen=True, forbid_unknown_fields=True):
    """A structure: with a width it is an `Architecture` (`lithe.search.space.table_of`).

    `activation` is that of the stem, of the last convolution, and of the stages that have
    none of their own.
    """

    family: str
    resolution: int
    activation: Activation
    stages: tuple[StageChoice, ...]
