"""Caches as Linux lists them, from folders made like /sys."""

from pathlib import Path

import pytest

from lithe.device import Cache
from lithe.device.caches import SYSTEM, read_caches

Index = tuple[str, str, str, str]  # type, level, size, shared_cpu_list


def system(root: Path, processors: dict[int, list[Index]]) -> Path:
    for processor, indices in processors.items():
        for number, texts in enumerate(indices):
            folder = root / f"cpu{processor}" / "cache" / f"index{number}"
            folder.mkdir(parents=True)
            names = ("type", "level", "size", "shared_cpu_list")
            for name, text in zip(names, texts, strict=True):
                (folder / name).write_text(f"{text}\n")
    return root


def core(own: str, pair: str = "0-3", l1: str = "32K") -> list[Index]:
    return [
        ("Data", "1", l1, own),
        ("Instruction", "1", "64K", own),
        ("Unified", "2", "1024K", own),
        ("Unified", "3", "8M", pair),
    ]


def rows(root: Path, processors: range) -> list[tuple[str, int, int]]:
    found = read_caches(processors, root)
    return [(cache.level, cache.bytes, cache.shared_by) for cache in found.rows]


def test_caches_for_data_with_who_shares_them(tmp_path: Path) -> None:
    root = system(tmp_path, {n: core(str(n)) for n in range(4)})
    assert rows(root, range(4)) == [
        ("L1", 32 * 1024, 1),
        ("L2", 1024 * 1024, 1),
        ("L3", 8 * 1024 * 1024, 4),
    ]
    assert read_caches(range(4), root).notes == ()


def test_only_processors_that_may_be_used_share(tmp_path: Path) -> None:
    root = system(tmp_path, {n: core(str(n), "0-3,8-11") for n in range(4)})
    assert rows(root, range(2))[2] == ("L3", 8 * 1024 * 1024, 2)


def test_threads_of_one_core_share_its_first_level(tmp_path: Path) -> None:
    root = system(tmp_path, {n: core("0,2" if n % 2 == 0 else "1,3") for n in range(4)})
    assert [shared for _, _, shared in rows(root, range(4))] == [2, 2, 4]


def test_of_big_and_little_cores_the_smallest_is_taken_and_said(tmp_path: Path) -> None:
    big, little = core("0", l1="48K"), core("1", l1="32K")
    found = read_caches(range(2), system(tmp_path, {0: big, 1: little}))
    assert found.rows[0].bytes == 32 * 1024
    assert found.notes == ("cores differ: L1 of 32 KiB and 48 KiB; the smallest is taken",)


@pytest.mark.parametrize(
    "broken",
    [
        ("Data", "1", "", "0"),
        ("Data", "1", "many", "0"),
        ("Data", "1", "0K", "0"),
        ("Data", "one", "32K", "0"),
        ("Data", "4", "32K", "0"),
        ("Magic", "1", "32K", "0"),
    ],
)
def test_what_is_not_understood_is_left_out(tmp_path: Path, broken: Index) -> None:
    root = system(tmp_path, {0: [broken, ("Unified", "2", "1M", "0")]})
    assert rows(root, range(1)) == [("L2", 2**20, 1)]


@pytest.mark.parametrize("sharers", ["", "x", "3-", "0-99999999"])
def test_unknown_sharers_are_one(tmp_path: Path, sharers: str) -> None:
    root = system(tmp_path, {0: [("Data", "1", "32K", sharers)]})
    assert rows(root, range(1)) == [("L1", 32 * 1024, 1)]


def test_a_missing_file_leaves_out_its_cache(tmp_path: Path) -> None:
    root = system(tmp_path, {0: core("0")})
    (root / "cpu0" / "cache" / "index0" / "size").unlink()
    (root / "cpu0" / "cache" / "index2" / "shared_cpu_list").unlink()
    assert [level for level, _, _ in rows(root, range(1))] == ["L2", "L3"]


def test_where_nothing_is_listed_small_caches_are_assumed_and_said(tmp_path: Path) -> None:
    found = read_caches(range(2), tmp_path / "none")
    assert found.rows == (
        Cache("L1", 32 * 1024, 1, "assumed"),
        Cache("L2", 256 * 1024, 1, "assumed"),
    )
    assert "32 KiB of L1 and 256 KiB of L2 are assumed" in found.notes[0]


def test_this_machine_can_be_read() -> None:
    found = read_caches(range(1), SYSTEM).rows
    sizes = [cache.bytes for cache in found]
    assert sizes == sorted(sizes)
    assert sizes[0] >= 8 * 1024
