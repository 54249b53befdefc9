from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lithe.device import Cache, Level
from lithe.device.rates import spread_bytes
from lithe.profiling.working_sets import SMALLEST_MEMORY, available_bytes, working_sets

K, M = 2**10, 2**20
ZEN = (Cache("L1", 48 * K, 1), Cache("L2", M, 1), Cache("L3", 32 * M, 2))


def test_half_of_each_cache_and_much_more_than_all() -> None:
    assert working_sets(ZEN, 2, 1) == {
        "L1": 24 * K, "L2": 512 * K, "L3": 16 * M, "memory": 256 * M,
    }  # fmt: skip
    assert working_sets(ZEN, 2, 2) == {
        "L1": 48 * K, "L2": M, "L3": 16 * M, "memory": 256 * M,
    }  # fmt: skip


def test_large_caches_want_a_larger_buffer_in_memory() -> None:
    large = (Cache("L1", 32 * K, 1), Cache("L3", 96 * M, 1))
    assert working_sets(large, 4, 1)["memory"] == 384 * M
    assert working_sets(large, 4, 4)["memory"] == 4 * 384 * M


def test_no_more_than_a_quarter_of_the_memory_is_taken() -> None:
    assert working_sets(ZEN, 2, 1, 800 * M)["memory"] == 200 * M
    assert "memory" not in working_sets(ZEN, 2, 1, 200 * M)  # 50 MiB would be half in L3


def test_a_cache_hardly_larger_than_the_nearer_ones_is_left_out() -> None:
    # 28 cores with 1 MiB each share 38.5 MiB.
    caches = (Cache("L1", 32 * K, 1), Cache("L2", M, 1), Cache("L3", 38 * M + 512 * K, 28))
    assert set(working_sets(caches, 28, 28)) == {"L1", "L2", "memory"}
    assert set(working_sets(caches, 28, 1)) == {"L1", "L2", "L3", "memory"}


@given(
    sizes=st.lists(st.integers(16 * K, 256 * M), min_size=1, max_size=3).map(sorted),
    shared=st.integers(1, 8),
    cores=st.integers(1, 64),
    data=st.data(),
)
def test_a_buffer_fits_its_cache_and_no_nearer_one(
    sizes: list[int], shared: int, cores: int, data: st.DataObject
) -> None:
    levels: tuple[Level, ...] = ("L1", "L2", "L3")
    caches = [
        Cache(level, size, shared if level == "L3" else 1)  # type: ignore[arg-type]
        for level, size in zip(levels, sizes, strict=False)
    ]
    threads = data.draw(st.integers(1, cores))
    found = working_sets(caches, cores, threads)
    nearer = 0
    for cache in caches:
        capacity = spread_bytes(cache, cores, threads)
        if cache.level in found:
            assert nearer < found[cache.level] <= capacity
        nearer = max(nearer, capacity)
    assert found["memory"] >= max(SMALLEST_MEMORY, 4 * nearer)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MemTotal: 9 kB\nMemAvailable:    2048 kB\n", 2 * M),
        ("MemTotal: 9 kB\n", None),
        ("MemAvailable: some\n", None),
        ("MemAvailable:\n", None),
    ],
)
def test_available_memory(tmp_path: Path, text: str, expected: int | None) -> None:
    path = tmp_path / "meminfo"
    path.write_text(text)
    assert available_bytes(path) == expected
    assert available_bytes(tmp_path / "none") is None
