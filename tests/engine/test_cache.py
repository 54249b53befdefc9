import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lithe.engine.cache import Cache


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_was_put_is_there_for_the_next_process(tmp_path: Path) -> None:
    Cache(tmp_path).put("a", b"content")
    assert Cache(tmp_path).get("a") == b"content"
    assert Cache(tmp_path).get("b") is None
    Cache(tmp_path).put("a", b"other")
    assert Cache(tmp_path).get("a") == b"other"
    assert Cache(tmp_path).size().entries == 1


@given(st.integers(0, 100), st.integers(0, 255))
def test_a_damaged_entry_is_none(
    tmp_path_factory: pytest.TempPathFactory, at: int, byte: int
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    cache = Cache(folder)
    cache.put("a", b"x" * 60)
    (path,) = files(folder)
    data = bytearray(path.read_bytes())
    at %= len(data)
    changed = data[at] != byte
    data[at] = byte
    path.write_bytes(data)
    assert (cache.get("a") is None) == changed
    path.write_bytes(data[:at])
    assert cache.get("a") is None
    assert not files(folder)


def test_the_entry_not_used_for_the_longest_time_goes_first(tmp_path: Path) -> None:
    cache = Cache(tmp_path, max_bytes=4 * 132)
    for index, key in enumerate("abcd"):
        cache.put(key, bytes(100))
        path = max(files(tmp_path), key=lambda path: path.stat().st_mtime)
        os.utime(path, (index, index))
    assert cache.get("a") is not None
    cache.put("e", bytes(100))
    assert [key for key in "abcde" if cache.get(key) is not None] == ["a", "c", "d", "e"]
    assert cache.size().size_bytes <= 4 * 132


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    cache = Cache(blocked / "cache")
    cache.put("a", b"content")
    assert cache.get("a") is None
    assert cache.size().entries == 0
    assert cache.clear().entries == 0


def test_clear_tells_what_it_removed(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.put("a", b"content")
    cache.put("b", b"content")
    assert cache.clear().entries == 2
    assert cache.size().size_bytes == 0
    assert cache.get("a") is None


def test_two_processes_at_once_never_see_half_an_entry(tmp_path: Path) -> None:
    program = textwrap.dedent("""
        import sys
        from lithe.engine.cache import Cache
        cache = Cache(sys.argv[1], max_bytes=200_000)
        for turn in range(300):
            key = str(turn % 7)
            found = cache.get(key)
            assert found is None or len(found) == 10_000 and len(set(found)) == 1, key
            cache.put(key, sys.argv[2].encode() * 10_000)
    """)
    arguments = [sys.executable, "-c", program, str(tmp_path)]
    processes = [subprocess.Popen([*arguments, letter]) for letter in "xy"]
    assert [process.wait() for process in processes] == [0, 0]
    assert not [path for path in files(tmp_path) if path.name.startswith(".")]
