"""Which tile a row of products gets: a small model of what a core can do in a cycle.

For one k a tile of m pixels x v vectors needs m * v multiply-adds, two a cycle, and m + v
loads, two a cycle, that are not quite free even where they hide behind the multiply-adds;
fewer than eight multiply-adds wait for each other. What is left over at the end of a row or
of the channels costs a whole, smaller tile.
"""

from functools import lru_cache
from math import ceil

from lithe.engine.isa import InstructionSet

_LATENCY = 4.0  # cycles of a multiply-add
_PER_LOAD = 0.03  # cycles of a load that hides
_PER_TILE = 6.0  # cycles to begin and end a tile
_PER_OUTPUT = 1.5  # cycles to activate and store a vector


@lru_cache(maxsize=4096)
def choose_tile(isa: InstructionSet, pixels: int, n: int, depth: int) -> tuple[int, int]:
    """(pixels, vectors) for rows of `pixels` x n outputs that sum `depth` products each."""
    vectors = ceil(n / isa.lanes)
    tiles = [
        (m, v)
        for v in range(1, min(vectors, 12) + 1)
        for m in range(1, min(pixels, isa.registers) + 1)
        if _registers(m, v) <= isa.registers
    ]
    return min(tiles, key=lambda tile: (_row_cycles(pixels, vectors, depth, tile), -tile[0]))


def _registers(m: int, v: int) -> int:
    # One vector wide, a broadcast is an operand of the multiply-add itself.
    return m * v + v + (v > 1)


def _row_cycles(pixels: int, vectors: int, depth: int, tile: tuple[int, int]) -> float:
    m, v = tile
    panels = [v] * (vectors // v) + ([vectors % v] if vectors % v else [])
    strips = [m] * (pixels // m) + ([pixels % m] if pixels % m else [])
    return sum(
        panels.count(wide) * strips.count(high) * _tile_cycles(high, wide, depth)
        for wide in set(panels)
        for high in set(strips)
    )


def _tile_cycles(m: int, v: int, depth: int) -> float:
    step = max(m * v / 2, (m + v) / 2, _LATENCY if m * v < 8 else 0.0)
    return depth * (step + _PER_LOAD * (m + v)) + _PER_TILE + _PER_OUTPUT * m * v
