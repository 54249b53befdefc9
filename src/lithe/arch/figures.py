"""Figures as the papers print them, kept beside the tables that they speak of.

A number is typed with the digits that the paper gives it, and says by them how far it was
rounded. Where the recount differs by more, a field ending in `_true` holds the recount to
the same number of digits, and the note says why; 0 stands for "the print holds".
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One printed row: top-1 in % on ImageNet, MACs and parameters in millions.

    `note` names an erratum or a difference in what was counted; 0 stands for "not printed".
    """

    table: int
    width: float
    resolution: int
    top1: float
    macs_m: float
    params_m: float
    note: str = ""
    ms_pixel_1: float = 0.0
    macs_m_true: float = 0.0
    params_m_true: float = 0.0


@dataclass(frozen=True, slots=True)
class Rival:
    """A network that a paper compares itself with, which has no table here.

    `reference` is its builder in torchvision; without one its figures are only printed.
    """

    name: str
    figure: Figure
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """What one kind of layer (`lithe.cost.KINDS`) takes of the whole, in %."""

    kind: str
    macs_percent: float
    params_percent: float
    note: str = ""
    macs_percent_true: float = 0.0


@dataclass(frozen=True, slots=True)
class LayerFigure:
    """One layer of c channels on a map of side x side pixels, in millions."""

    name: str
    side: int
    c: int
    separable: bool
    macs_m: float
    params_m: float


@dataclass(frozen=True, slots=True)
class Materialized:
    """The largest tensor that must exist at one map size: channels, and kilobytes at 16 bits."""

    side: int
    c: int
    kb: int
    note: str = ""
    c_true: int = 0
    kb_true: int = 0
