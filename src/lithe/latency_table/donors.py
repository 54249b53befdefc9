"""Networks that are compiled only for their steps: as different as they can be, block by block.

A candidate of a search has the same choices in all blocks of a stage; a donor draws them for
each block anew, so that one compilation gives as many different steps as possible. Tables,
widths and resolutions are those of the candidates, and so are the channels that meet.
"""

import random
from collections.abc import Iterator, Sequence
from math import ceil

from msgspec.structs import replace

from lithe.arch import (
    ARCHITECTURES,
    Architecture,
    Conv,
    DepthwiseSeparable,
    InvertedResidual,
    Row,
    strides,
    unroll,
)
from lithe.arch.rows import Activation
from lithe.errors import LitheError

FAMILIES = ("mobilenet_v2", "mobilenet_v2", "mobilenet_v1", "shallow_mobilenet")  # V2 has most
WIDTHS = (
    0.05, 0.08, 0.1, 0.12, 0.15, 0.18, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.75, 0.85, 1.0, 1.2,
    1.4, 1.7, 2.0,
)  # fmt: skip
RESOLUTIONS = (16, 24, 32, 48, 64, 80, 96, 128, 160, 192, 224)
KERNELS = (3, 5, 7)
EXPANSIONS = (2, 3, 4, 6)
ACTIVATIONS: tuple[Activation, ...] = ("relu6", "hard_swish")
SQUEEZE = 4
CLASSES = (2, 5, 10, 20, 50, 100, 200, 1000)


def donors(
    seed: int,
    *,
    resolutions: Sequence[int] = RESOLUTIONS,
    widths: Sequence[float] = WIDTHS,
    num_classes: Sequence[int] = CLASSES,
    in_channels: int = 3,
) -> Iterator[Architecture]:
    """Endlessly many networks; the same ones for the same arguments."""
    rng = random.Random(seed)
    while True:
        table = replace(
            ARCHITECTURES[rng.choice(FAMILIES)],
            name="donor",
            width=rng.choice(widths),
            resolution=rng.choice(resolutions),
            num_classes=rng.choice(num_classes),
            in_channels=in_channels,
            activation="relu6",
        )
        drawn = replace(table, rows=_rows(table, rng))
        try:
            unroll(drawn)
        except LitheError:
            continue  # so narrow that a row has no channel left
        yield drawn


def _rows(table: Architecture, rng: random.Random) -> tuple[Row, ...]:
    """The table's rows, as a row for each block; its strides stay where they are."""
    rows: list[Row] = []
    side = table.resolution
    for row, stride in zip(table.rows, strides(table), strict=True):
        after = ceil(side / stride)
        blocks = 1 if isinstance(row, Conv) else rng.randint(1, row.n + 1)
        for number in range(blocks):
            first = number == 0
            rows.append(_block(row, row.s if first else 1, side if first else after, rng))
        side = after
    return tuple(rows)


def _block(row: Row, s: int, side: int, rng: random.Random) -> Row:
    """One block of a row, reading a map of `side` pixels; no kernel above 3 is wider than it."""
    act = rng.choice(ACTIVATIONS)
    if not isinstance(row, DepthwiseSeparable | InvertedResidual):
        return replace(row, act=act)
    k = rng.choice([k for k in KERNELS if k <= max(3, side)])
    squeeze = rng.choice((row.squeeze, SQUEEZE))
    if isinstance(row, DepthwiseSeparable):
        return replace(row, n=1, s=s, k=k, act=act, squeeze=squeeze)
    t = 1 if row.t == 1 else rng.choice(EXPANSIONS)
    return replace(row, n=1, s=s, k=k, act=act, squeeze=squeeze, t=t)
