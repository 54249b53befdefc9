"""Which tile a row of products gets: a small model of what a core can do in a cycle.

For one k a tile of m pixels x v vectors needs m * v multiply-adds, two a cycle, and m + v
loads, two a cycle, that are not quite free even where they hide behind the multiply-adds;
fewer than eight multiply-adds wait for each other. What is left over at the end of a row or
of the channels costs a whole, smaller tile.
"""

from functools import lru_cache
from itertools import pairwise
from math import ceil

from lithe.engine.isa import InstructionSet

_LATENCY = 4.0  # cycles of a multiply-add
_PER_LOAD = 0.03  # cycles of a load that hides
_PER_DISTANT_LOAD = 0.06  # the same from the second-level cache, where a long panel lies
_L1_BYTES = 48 * 1024
_FREELY = 26  # registers of a tile that leave room to begin the next one early
_PER_REGISTER = 0.01  # what each one beyond costs
_PER_WEIGHT = 1.0  # cycles to bring a vector of weights from the third-level cache
_BLOCK_FLOATS = 64 * 1024  # input of a block that stays in the second-level cache
_PER_TILE = 6.0  # cycles to begin and end a tile
_PER_OUTPUT = 1.5  # cycles to activate and store a vector


@lru_cache(maxsize=4096)
def choose_tile(
    isa: InstructionSet, pixels: int, n: int, depth: int, most_vectors: int = 12, columns: int = 1
) -> tuple[int, int]:
    """(pixels, vectors) for rows of `pixels` x n outputs that sum `depth` products each.

    Where the innermost loop vanishes (one channel, as in a stem), up to three `columns` of the
    kernel are in flight together and their weights and pixels want registers too.
    """
    vectors = ceil(n / isa.lanes)
    tiles = [
        (m, v)
        for v in range(1, min(vectors, most_vectors) + 1)
        for m in range(1, min(pixels, isa.registers) + 1)
        if _registers(m, v) + _in_flight(m, v, columns) <= isa.registers
    ]
    return min(tiles, key=lambda tile: (_row_cycles(pixels, vectors, depth, tile), -tile[0]))


@lru_cache(maxsize=4096)
def choose_split(
    isa: InstructionSet, pixels: int, n: int, depth: int, threads: int
) -> tuple[int, tuple[int, int]]:
    """(pixels of a block, tile) of a matrix product whose units are panels of blocks.

    What counts is the thread that is done last, where each has as many units as the others,
    one more or less. Every block reads the weights again, and a block should stay in the
    second-level cache while all weights pass over it.
    """
    most = max(8, _BLOCK_FLOATS // depth)
    fewest = ceil(pixels / most)
    vectors = ceil(n / isa.lanes)
    plans = []
    for blocks in sorted({fewest, *(ceil(fewest / t) * t for t in (threads, 2 * threads))}):
        block = ceil(pixels / blocks)
        for v in range(1, min(vectors, 6 if block > 1 else 12) + 1):
            tile = _tile_of(isa, block, vectors, depth, v)
            size = ceil(block / tile[0]) * tile[0] if blocks > 1 else block
            plans.append((_makespan(pixels, size, vectors, depth, tile, threads), size, tile))
    _, size, tile = min(plans)
    return size, tile


def _tile_of(isa: InstructionSet, pixels: int, vectors: int, depth: int, v: int) -> tuple[int, int]:
    heights = [m for m in range(1, min(pixels, 31) + 1) if _registers(m, v) <= isa.registers]
    return min(((m, v) for m in heights), key=lambda t: _row_cycles(pixels, vectors, depth, t))


def _makespan(
    pixels: int, size: int, vectors: int, depth: int, tile: tuple[int, int], threads: int
) -> float:
    """Cycles of the thread that is done last."""
    v = tile[1]
    panels = [v] * (vectors // v) + ([vectors % v] if vectors % v else [])
    blocks = [size] * (pixels // size) + ([pixels % size] if pixels % size else [])
    units = [
        _row_cycles(block, wide, depth, (min(tile[0], block), wide))
        for block in blocks
        for wide in panels
    ]
    bounds = [len(units) * t // threads for t in range(threads + 1)]
    shares = [sum(units[a:b]) for a, b in pairwise(bounds)]
    weights = _PER_WEIGHT * depth * vectors * len(blocks) / min(threads, len(blocks))
    return max(shares) + weights


def _in_flight(m: int, v: int, columns: int) -> int:
    return (min(columns, 3) - 1) * v + m if columns > 1 else 0


def _registers(m: int, v: int) -> int:
    # One pixel high or one vector wide, what is used once is an operand of the multiply-add.
    if m == 1:
        return v + 1
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
    crowded = max(0, _registers(m, v) - _FREELY)
    step *= 1 + _PER_REGISTER * crowded
    panel_bytes = 64 * depth * v
    from_l2 = _PER_DISTANT_LOAD if panel_bytes > _L1_BYTES // 2 else _PER_LOAD
    return depth * (step + _PER_LOAD * m + from_l2 * v) + _PER_TILE + _PER_OUTPUT * m * v
