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
_MOST_PIXELS, _MOST_VECTORS = 32, 12  # of a tile


@lru_cache(maxsize=1 << 15)
def choose_tile(
    isa: InstructionSet, pixels: int, n: int, depth: int, most_vectors: int = 12, columns: int = 1
) -> tuple[int, int]:
    """(pixels, vectors) for rows of `pixels` x n outputs that sum `depth` products each.

    Where the innermost loop vanishes (one channel, as in a stem), up to three `columns` of the
    kernel are in flight together and their weights and pixels want registers too.
    """
    vectors = ceil(n / isa.lanes)
    cuts = _cuts(isa, pixels, vectors, most_vectors, columns)
    table = _cycle_table(depth)
    best = min(
        (_cut_cycles(cut, table), -tile[0], number) for number, (tile, cut) in enumerate(cuts)
    )
    return cuts[best[2]][0]


@lru_cache(maxsize=1 << 15)
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
    table = _cycle_table(depth)
    return min(
        (_cut_cycles(cut, table), tile) for tile, cut in _cuts_of_width(isa, pixels, vectors, v)
    )[1]


def _makespan(
    pixels: int, size: int, vectors: int, depth: int, tile: tuple[int, int], threads: int
) -> float:
    """Cycles of the thread that is done last."""
    v = tile[1]
    panels = [v] * (vectors // v) + ([vectors % v] if vectors % v else [])
    blocks = [size] * (pixels // size) + ([pixels % size] if pixels % size else [])
    known = {
        (block, wide): row_cycles(block, wide, depth, (min(tile[0], block), wide))
        for block in set(blocks)
        for wide in set(panels)
    }
    units = [known[block, wide] for block in blocks for wide in panels]
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


def row_cycles(pixels: int, vectors: int, depth: int, tile: tuple[int, int]) -> float:
    """About how many cycles a row of pixels x vectors of outputs takes in such tiles."""
    return _cut_cycles(_cut(pixels, vectors, tile), _cycle_table(depth))


# How often a row has a tile of (pixels, vectors): whole ones, and what is left over at the ends.
_Cut = tuple[tuple[int, int, int], ...]
_Table = tuple[tuple[float, ...], ...]


@lru_cache(maxsize=1 << 12)
def _cuts(
    isa: InstructionSet, pixels: int, vectors: int, most_vectors: int, columns: int
) -> tuple[tuple[tuple[int, int], _Cut], ...]:
    """The tiles that fit into the registers, and how each cuts such a row."""
    return tuple(
        (tile, cut)
        for v in range(1, min(vectors, most_vectors) + 1)
        for tile, cut in _cuts_of_width(isa, pixels, vectors, v)
        if _registers(*tile) + _in_flight(*tile, columns) <= isa.registers
    )


@lru_cache(maxsize=1 << 13)
def _cuts_of_width(
    isa: InstructionSet, pixels: int, vectors: int, v: int
) -> tuple[tuple[tuple[int, int], _Cut], ...]:
    return tuple(
        ((m, v), _cut(pixels, vectors, (m, v)))
        for m in range(1, min(pixels, isa.registers) + 1)
        if _registers(m, v) <= isa.registers
    )


def _cut(pixels: int, vectors: int, tile: tuple[int, int]) -> _Cut:
    m, v = tile
    panels = {v: vectors // v, vectors % v: 1} if vectors % v else {v: vectors // v}
    strips = {m: pixels // m, pixels % m: 1} if pixels % m else {m: pixels // m}
    return tuple(
        (panels[wide] * strips[high], high, wide) for wide in set(panels) for high in set(strips)
    )


def _cut_cycles(cut: _Cut, table: _Table) -> float:
    return sum([count * table[wide][high] for count, high, wide in cut])


@lru_cache(maxsize=512)
def _cycle_table(depth: int) -> _Table:
    """Cycles of every tile, by vectors and pixels: the same few for all rows of this depth."""
    return tuple(
        tuple(_tile_cycles(m, v, depth) for m in range(_MOST_PIXELS + 1))
        for v in range(_MOST_VECTORS + 1)
    )


def _tile_cycles(m: int, v: int, depth: int) -> float:
    step = max(m * v / 2, (m + v) / 2, _LATENCY if m * v < 8 else 0.0)
    crowded = max(0, _registers(m, v) - _FREELY)
    step *= 1 + _PER_REGISTER * crowded
    panel_bytes = 64 * depth * v
    from_l2 = _PER_DISTANT_LOAD if panel_bytes > _L1_BYTES // 2 else _PER_LOAD
    return depth * (step + _PER_LOAD * m + from_l2 * v) + _PER_TILE + _PER_OUTPUT * m * v
