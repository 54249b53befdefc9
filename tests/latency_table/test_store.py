"""The table on disk: what goes in comes out, whoever else writes, whatever became of the file."""

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.latency_table.sample import HERE, network

from lithe.errors import LitheError
from lithe.latency_table import store
from lithe.latency_table.reference import DISTURBED, best_known
from lithe.latency_table.schema import FORMAT
from lithe.latency_table.store import Table, open_table


def opened(folder: Path, wait_s: float = 5.0) -> Table:
    return open_table(folder / "latency.sqlite", wait_s)


def test_networks_come_back_as_they_were_in_order(tmp_path: Path) -> None:
    table = opened(tmp_path)
    assert (table.note, table.networks(HERE), table.reference_s(HERE)) == ("", (), None)
    networks = tuple(network(i, steps=i, disturbed=i == 2) for i in range(4))
    for times in networks:
        table.add(HERE, times)
    assert opened(tmp_path).networks(HERE) == networks
    assert table.times(HERE) == tuple(step for times in networks for step in times.steps)
    size = table.size()
    assert (size.contexts, size.networks, size.steps) == (1, 4, 6)
    assert 0 < size.size_bytes <= (tmp_path / "latency.sqlite").stat().st_size + 2**20


def test_a_network_that_is_measured_again_takes_its_own_place(tmp_path: Path) -> None:
    table = opened(tmp_path)
    table.add(HERE, network(1))
    table.add(HERE, network(2))
    again = replace(network(1), whole_s=1.0)
    table.add(HERE, again)
    assert table.networks(HERE) == (network(2), again)
    assert table.size().steps == 6


@pytest.mark.parametrize(
    "other",
    [
        replace(HERE, cpu="Another CPU"),
        replace(HERE, isa="avx2"),
        replace(HERE, threads=2),
        replace(HERE, code="another"),
    ],
)
def test_times_of_another_context_are_not_found(tmp_path: Path, other: object) -> None:
    table = opened(tmp_path)
    table.add(HERE, network(1))
    assert table.networks(other) == () == table.times(other)  # type: ignore[arg-type]


@settings(max_examples=20)
@given(references=st.lists(st.floats(1e-6, 1e-2), min_size=1, max_size=6))
def test_times_are_those_of_one_moment(
    tmp_path_factory: pytest.TempPathFactory, references: list[float]
) -> None:
    """A step that takes a hundredth of the reference's time does so whenever it was measured."""
    table = opened(tmp_path_factory.mktemp("table"))
    for number, reference_s in enumerate(references):
        times = network(number, reference_s=reference_s)
        steps = tuple(replace(step, seconds=reference_s / 100) for step in times.steps)
        table.add(HERE, replace(times, steps=steps, whole_s=3 * reference_s))
    known = best_known(references)
    assert table.reference_s(HERE) == known
    assert min(references) <= known <= sorted(references)[len(references) // 2]
    for times in table.networks(HERE):
        assert times.reference_s == known
        assert times.whole_s == pytest.approx(3 * known)
        assert [step.seconds for step in times.steps] == pytest.approx([known / 100] * 3)
        then_s = references[times.arch.num_classes - 1]
        assert times.disturbed == (then_s > DISTURBED * known)


def test_the_oldest_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MAX_NETWORKS", 3)
    monkeypatch.setattr(store, "MAX_CONTEXTS", 2)
    table = opened(tmp_path)
    for i in range(5):
        table.add(HERE, network(i))
    assert table.networks(HERE) == (network(2), network(3), network(4))
    assert table.size().steps == 9
    two, three = replace(HERE, threads=2), replace(HERE, threads=3)
    table.add(two, network(0))
    table.add(HERE, network(5))  # so `two` was not written to for the longest time
    table.add(three, network(0))
    assert table.networks(two) == ()
    assert len(table.networks(HERE)) == 3
    assert table.size().contexts == 2


def test_clearing_forgets_everything(tmp_path: Path) -> None:
    table = opened(tmp_path)
    table.add(HERE, network(0))
    before = table.size()
    assert table.clear() == before
    assert table.networks(HERE) == ()
    assert (table.size().contexts, table.size().networks, table.size().steps) == (0, 0, 0)


_WRITER = """
import sys
from pathlib import Path
from tests.latency_table.sample import HERE, network
from lithe.latency_table.store import open_table
path, first, last = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
for number in range(first, last):
    open_table(path).add(HERE, network(number, steps=20))
"""


def test_processes_write_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "new" / "latency.sqlite"  # which all of them find missing
    command = [sys.executable, "-c", _WRITER, str(path)]
    writers = [
        subprocess.Popen(
            [*command, str(first), str(first + 12)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for first in (0, 12, 24)
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.communicate("go\n", timeout=120)
        assert writer.returncode == 0
    found = open_table(path).networks(HERE)
    assert {times.arch.num_classes for times in found} == set(range(1, 37))
    assert {len(times.steps) for times in found} == {20}


def test_a_fork_can_use_its_parents_table(tmp_path: Path) -> None:
    table = opened(tmp_path)
    table.add(HERE, network(0))
    child = os.fork()
    if child == 0:
        try:
            table.add(HERE, network(1))
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert table.networks(HERE) == (network(0), network(1))


def test_a_locked_table_says_so(tmp_path: Path) -> None:
    table = opened(tmp_path, wait_s=0.05)
    with closing(sqlite3.connect(tmp_path / "latency.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LitheError, match=r"locked by another process for more than 0\.05 s"):
            table.add(HERE, network(0))
        assert table.networks(HERE) == ()  # who only reads need not wait
        with pytest.raises(LitheError, match="locked by another process"):
            opened(tmp_path, wait_s=0.05)
        other.execute("ROLLBACK")
    table.add(HERE, network(0))
    assert table.networks(HERE) == (network(0),)


def test_a_newer_table_is_left_as_it_is(tmp_path: Path) -> None:
    opened(tmp_path).add(HERE, network(0))
    with closing(sqlite3.connect(tmp_path / "latency.sqlite")) as file:
        file.execute(f"PRAGMA user_version = {FORMAT + 1}")
    with pytest.raises(LitheError, match=f"format {FORMAT + 1} of a newer lithe") as error:
        opened(tmp_path)
    assert str(tmp_path / "latency.sqlite") in str(error.value)
    with closing(sqlite3.connect(tmp_path / "latency.sqlite")) as file:
        assert file.execute("SELECT count(*) FROM networks").fetchone() == (1,)


def unusable(path: Path, how: str) -> None:
    if how == "foreign bytes":
        path.write_bytes(b"This is no database. " * 500)
    elif how == "another program's":
        with closing(sqlite3.connect(path)) as file:
            file.execute("CREATE TABLE songs (title TEXT)")
    elif how == "an older format":
        open_table(path).add(HERE, network(0))
        with closing(sqlite3.connect(path)) as file:
            file.execute("PRAGMA user_version = 0")
    else:
        open_table(path).add(HERE, network(0))
        with closing(sqlite3.connect(path)) as file:
            file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        data = bytearray(path.read_bytes())
        if how == "overwritten":
            data[: len(data) // 2] = b"\xa5" * (len(data) // 2)
        path.write_bytes(bytes(data[: len(data) // 3] if how == "cut short" else data))


WAYS = ("foreign bytes", "another program's", "an older format", "overwritten", "cut short")


@pytest.mark.parametrize("how", WAYS)
def test_what_cannot_be_used_is_moved_aside(tmp_path: Path, how: str) -> None:
    path = tmp_path / "latency.sqlite"
    unusable(path, how)
    table = open_table(path)
    assert "could not be used and is now latency.sqlite.unusable-" in table.note
    assert "\n" not in table.note
    assert len(list(tmp_path.glob("latency.sqlite.unusable-*"))) == 1
    assert table.networks(HERE) == ()
    table.add(HERE, network(3))
    again = open_table(path)
    assert (again.note, again.networks(HERE)) == ("", (network(3),))


@settings(max_examples=30)
@given(at=st.integers(0, 40_000), length=st.integers(1, 5_000), byte=st.integers(0, 255))
def test_damage_anywhere_is_never_more_than_an_error(
    tmp_path_factory: pytest.TempPathFactory, at: int, length: int, byte: int
) -> None:
    path = tmp_path_factory.mktemp("damaged") / "latency.sqlite"
    for number in range(5):
        open_table(path).add(HERE, network(number, steps=30))
    with closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(path.read_bytes())
    data[at : at + length] = bytes([byte]) * len(data[at : at + length])
    path.write_bytes(bytes(data))
    try:
        table = open_table(path, wait_s=0.2)
        table.networks(HERE)
        table.add(HERE, network(7))
    except LitheError as error:
        assert str(path) in str(error)
        assert "\n" not in str(error)


@contextmanager
def nobody_may_write(folder: Path) -> Iterator[None]:
    """A folder that this process can read and not write; root becomes nobody for a while."""
    folder.chmod(0o555)
    for file in folder.iterdir():
        file.chmod(0o444)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)


def test_a_folder_that_cannot_be_written_is_read_and_kept_in_memory() -> None:
    with tempfile.TemporaryDirectory() as name:  # not under the test's own, which is private
        folder = Path(name)
        folder.chmod(0o755)
        opened(folder).add(HERE, network(0))
        with nobody_may_write(folder):
            table = opened(folder)
            assert table.note.startswith("measured times are not kept: ")
            assert table.networks(HERE) == (network(0),)
            table.add(HERE, network(1))
            assert table.networks(HERE) == (network(0), network(1))
            assert table.size().networks == 2
        assert opened(folder).networks(HERE) == (network(0),)


def test_no_folder_at_all_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    table = open_table()
    assert table.path is None
    assert "Not a directory" in table.note
    table.add(HERE, network(0))
    assert table.networks(HERE) == (network(0),)


def test_it_is_kept_in_the_users_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    open_table().add(HERE, network(0))
    assert (tmp_path / "lithe" / "latency.sqlite").is_file()
