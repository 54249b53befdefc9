"""An architecture is a table; this folder holds the tables and what reads them."""

from lithe.arch.registry import (
    ARCHITECTURES,
    architecture,
    changed,
    from_builtins,
    standard_twin,
)
from lithe.arch.rows import (
    Architecture,
    Conv,
    DepthwiseSeparable,
    FusedInvertedResidual,
    InvertedResidual,
    Row,
)
from lithe.arch.unroll import Block, round_channels, strides, unroll

__all__ = [
    "ARCHITECTURES",
    "Architecture",
    "Block",
    "Conv",
    "DepthwiseSeparable",
    "FusedInvertedResidual",
    "InvertedResidual",
    "Row",
    "architecture",
    "changed",
    "from_builtins",
    "round_channels",
    "standard_twin",
    "strides",
    "unroll",
]
