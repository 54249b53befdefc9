"""The architectures by name. A new one is a file with a table and a line here."""

from difflib import get_close_matches
from typing import Any

import msgspec

from lithe.arch.mobilenet_v1 import CONV_MOBILENET, MOBILENET_V1, SHALLOW_MOBILENET
from lithe.arch.mobilenet_v2 import MOBILENET_V2, MOBILENET_V2_110D, MOBILENET_V2_120D
from lithe.arch.rows import (
    Architecture,
    Conv,
    DepthwiseSeparable,
    FusedInvertedResidual,
    InvertedResidual,
    Row,
)
from lithe.arch.structure import read_structure
from lithe.arch.unroll import unroll
from lithe.errors import LitheError


def architecture(
    name: str,
    *,
    width: float | None = None,
    resolution: int = 224,
    num_classes: int = 1000,
    in_channels: int = 3,
    dropout: float | None = None,
    paper_strides: bool = False,
) -> Architecture:
    """The table of that name under the given multipliers, checked to be buildable.

    Args:
        name: a key of `ARCHITECTURES`, alone or with a structure behind it (see
            `lithe.arch.structure`).
        width: width multiplier; the table's own (1.0 for the papers' networks) if None.
        resolution: side of the square input in pixels, the resolution multiplier's result.
        num_classes: outputs of the classifier.
        in_channels: channels of the input image.
        dropout: probability before the classifier; the table's own if None.
        paper_strides: keep the table's strides on small inputs too (see `strides`).

    Raises:
        LitheError: an unknown name (the nearest are offered), a structure that does not
            read, a value out of its range, a
            width that leaves a row without channels, or a resolution that is too small.
    """
    family, has_structure, _ = name.partition("-")
    if family not in ARCHITECTURES:
        near = get_close_matches(name, ARCHITECTURES, n=3, cutoff=0.4) or list(ARCHITECTURES)
        raise LitheError(f"unknown architecture {name!r}; did you mean {' or '.join(near)}?")
    table = ARCHITECTURES[family]
    if has_structure:
        table = read_structure(name, table)
    return changed(
        table,
        width=table.width if width is None else float(width),
        resolution=resolution,
        num_classes=num_classes,
        in_channels=in_channels,
        dropout=table.dropout if dropout is None else float(dropout),
        min_last_map=1 if paper_strides else table.min_last_map,
    )


def changed(arch: Architecture, **fields: Any) -> Architecture:
    """A copy with some fields replaced, checked like any table that comes from outside.

    Raises:
        LitheError: a field out of its range, or a table that cannot be unrolled.
    """
    return from_builtins(msgspec.to_builtins(arch) | fields)


def from_builtins(table: object) -> Architecture:
    """A table from plain JSON values, as a model file stores it.

    Raises:
        LitheError: a value out of its range, or a table that cannot be unrolled.
    """
    try:
        arch = msgspec.convert(table, Architecture)
    except msgspec.ValidationError as error:
        raise LitheError(f"not an architecture table: {error}") from None
    unroll(arch)
    return arch


def standard_twin(arch: Architecture) -> Architecture:
    """The same network without the structure that saves: standard convolutions instead.

    A depthwise/pointwise pair becomes one standard convolution (the Conv MobileNet of the
    V1 paper, section 4.1); an inverted residual becomes a fused one. Squeeze-and-excite
    goes with the depthwise convolution that it follows.
    """
    return msgspec.structs.replace(
        arch, name=f"{arch.name}_standard", rows=tuple(_standard(row) for row in arch.rows)
    )


def _standard(row: Row) -> Row:
    if isinstance(row, DepthwiseSeparable):
        return Conv(k=row.k, s=row.s, c=row.c, n=row.n, act=row.act)
    if isinstance(row, InvertedResidual):
        return FusedInvertedResidual(t=row.t, c=row.c, n=row.n, s=row.s, k=row.k, act=row.act)
    return row


ARCHITECTURES: dict[str, Architecture] = {
    table.name: table
    for table in (
        MOBILENET_V1,
        CONV_MOBILENET,
        SHALLOW_MOBILENET,
        MOBILENET_V2,
        MOBILENET_V2_110D,
        MOBILENET_V2_120D,
    )
}
