"""The tiles that are chosen, against the same model of cycles spelled out tile by tile."""

from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lithe.engine.isa import INSTRUCTION_SETS, InstructionSet
from lithe.engine.tiles import choose_split, choose_tile, row_cycles

ISAS = st.sampled_from(tuple(INSTRUCTION_SETS.values()))
PIXELS = st.sampled_from((1, 2, 7, 14, 28, 49, 56, 112))
CHANNELS = st.sampled_from((1, 8, 16, 24, 40, 96, 144, 200, 960))
DEPTHS = st.sampled_from((1, 9, 27, 24, 144, 700))


def registers(m: int, v: int) -> int:
    return v + 1 if m == 1 else m * v + v + (v > 1)


def by_hand(pixels: int, vectors: int, depth: int, tile: tuple[int, int]) -> float:
    """Cycles of a row: every tile by itself, the last of a row or of the channels smaller."""
    total = 0.0
    for x in range(0, pixels, tile[0]):
        for c in range(0, vectors, tile[1]):
            m, v = min(tile[0], pixels - x), min(tile[1], vectors - c)
            step = max(m * v / 2, (m + v) / 2, 4.0 if m * v < 8 else 0.0)
            step *= 1 + 0.01 * max(0, registers(m, v) - 26)
            per_load = 0.06 if 64 * depth * v > 24 * 1024 else 0.03
            total += depth * (step + 0.03 * m + per_load * v) + 6 + 1.5 * m * v
    return total


@given(PIXELS, st.integers(1, 30), DEPTHS, st.tuples(st.integers(1, 31), st.integers(1, 12)))
def test_the_cycles_of_a_row_are_those_of_its_tiles(
    pixels: int, vectors: int, depth: int, tile: tuple[int, int]
) -> None:
    tile = min(tile[0], pixels), min(tile[1], vectors)
    assert row_cycles(pixels, vectors, depth, tile) == pytest.approx(
        by_hand(pixels, vectors, depth, tile)
    )


@given(ISAS, PIXELS, CHANNELS, DEPTHS, st.sampled_from((2, 3, 12)))
@settings(max_examples=50, deadline=None)
def test_no_tile_that_fits_takes_fewer_cycles(
    isa: InstructionSet, pixels: int, n: int, depth: int, most: int
) -> None:
    vectors = ceil(n / isa.lanes)
    fitting = [
        (m, v)
        for m in range(1, min(pixels, isa.registers) + 1)
        for v in range(1, min(vectors, most) + 1)
        if registers(m, v) <= isa.registers
    ]
    chosen = choose_tile(isa, pixels, n, depth, most)
    assert chosen in fitting
    least = min(by_hand(pixels, vectors, depth, tile) for tile in fitting)
    assert by_hand(pixels, vectors, depth, chosen) == pytest.approx(least)


@given(ISAS, PIXELS, CHANNELS, DEPTHS, st.sampled_from((1, 2, 4)))
@settings(max_examples=50, deadline=None)
def test_a_block_of_a_product_is_whole_tiles_or_all_pixels(
    isa: InstructionSet, pixels: int, n: int, depth: int, threads: int
) -> None:
    size, (high, wide) = choose_split(isa, pixels, n, depth, threads)
    assert size == pixels or size % high == 0
    assert registers(high, wide) <= isa.registers
    assert 1 <= wide <= ceil(n / isa.lanes)
