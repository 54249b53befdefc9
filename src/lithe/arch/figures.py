"""A figure as a paper prints it, kept beside the table that it speaks of."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One printed row: top-1 in % on ImageNet, MACs and parameters in millions.

    The numbers are rounded as the paper rounds them. `note` names an erratum or a
    difference in what was counted; 0 stands for "not printed".
    """

    table: int
    width: float
    resolution: int
    top1: float
    macs_m: float
    params_m: float
    note: str = ""
    ms_pixel_1: float = 0.0
