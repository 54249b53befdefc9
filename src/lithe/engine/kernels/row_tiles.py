"""A row of pixels cut into tiles, and which of a tile's pixels each kernel column may read."""

from dataclasses import dataclass

Ranges = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a kernel that moves along a row of `width_in` pixels; 0: never outside."""

    count: int
    stride: int = 1
    dilation: int = 1
    pad: int = 0
    width_in: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """Equal tiles one after the other: `tiles` of `count` pixels each from pixel `first` on.

    `valid` are, for each kernel column, begin and end of the tile's pixels whose input lies
    inside the image.
    """

    first: int
    count: int
    tiles: int
    valid: Ranges


def tile_runs(pixels: int, size: int, columns: Columns) -> list[Run]:
    """Tiles of `size` pixels, equal neighbours together, so that one loop does a run."""
    runs: list[Run] = []
    for first in range(0, pixels, size):
        count = min(size, pixels - first)
        valid = tuple(_valid(columns, first, count, column) for column in range(columns.count))
        last = runs[-1] if runs else None
        if last and (last.count, last.valid) == (count, valid):
            runs[-1] = Run(last.first, count, last.tiles + 1, valid)
        else:
            runs.append(Run(first, count, 1, valid))
    return runs


def _valid(columns: Columns, first: int, count: int, column: int) -> tuple[int, int]:
    if not columns.width_in:
        return 0, count
    shift = column * columns.dilation - columns.pad
    inside = [
        p for p in range(count) if 0 <= (first + p) * columns.stride + shift < columns.width_in
    ]
    return (inside[0], inside[-1] + 1) if inside else (0, 0)
