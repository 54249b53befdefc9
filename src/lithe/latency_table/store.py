"""Measured times in an embedded database, shared by all runs and processes of a user.

The table is never needed: what it does not know is measured or estimated. Where nothing can be
kept, because there is no home or the folder cannot be written, it lives in memory and says so
in `note`. A file that is damaged or of an older format is moved aside.
"""

import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import msgspec

from lithe.arch import Architecture
from lithe.errors import LitheError
from lithe.files import cache_folder
from lithe.latency_table.reference import best_known, comparable
from lithe.latency_table.schema import UnusableError, connect, prepare, set_aside
from lithe.latency_table.values import Context, NetworkTimes, PlannedStep, StepTime

FILE = "latency.sqlite"
WAIT_S = 30.0  # for other processes, which hold the file for some milliseconds
MAX_NETWORKS = 2000  # of one context; some 10 kB each
MAX_CONTEXTS = 8


@dataclass(frozen=True, slots=True)
class TableSize:
    """What a table holds, in all contexts."""

    contexts: int
    networks: int
    steps: int
    size_bytes: int


def network_name(arch: Architecture) -> str:
    """What a network is called in the table: sixteen hexadecimal digits of its table."""
    return sha256(msgspec.json.encode(arch)).hexdigest()[:16]


def open_table(path: Path | None = None, wait_s: float = WAIT_S) -> "Table":
    """The table in a file, in the user's cache folder unless given; made where there is none.

    Raises:
        LitheError: written by a newer lithe, or locked for longer than `wait_s`.
    """
    folder = cache_folder()
    path = path or (folder and folder / FILE)
    if path is None:
        return _in_memory("there is no home folder")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Table(path, wait_s, note=_prepared(path, wait_s))
    except LitheError as error:
        raise LitheError(f"{path}: {error}") from None
    except sqlite3.OperationalError as error:
        if _is_locked(error):
            raise _locked(path, wait_s) from None
        return _in_memory(f"{path}: {error}", path)
    except OSError as error:
        return _in_memory(f"{path}: {error.strerror or error}", path)


def _prepared(path: Path, wait_s: float) -> str:
    try:
        with closing(connect(path, wait_s)) as connection:
            prepare(connection)
            with _transaction(connection, "BEGIN IMMEDIATE"):  # can it be written?
                return ""
    except UnusableError:
        return set_aside(path, wait_s)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        return set_aside(path, wait_s)


def _in_memory(why: str, path: Path | None = None) -> "Table":
    """A table that ends with the process, with what can be read of the file."""
    memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    memory.execute("PRAGMA foreign_keys = ON")
    if path is not None and path.is_file():
        with (
            suppress(sqlite3.Error),
            closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as file,
        ):
            file.backup(memory)
    try:
        prepare(memory)
    except (LitheError, UnusableError, sqlite3.Error):  # what was read is of no use
        memory.close()
        return _in_memory(why)
    return Table(None, 0.0, memory, note=f"measured times are not kept: {why}")


class Table:
    """Measured times, by context; any number of processes and threads may use one file.

    `path` is its file, None where it lives in memory, and `note` a sentence for the user, ""
    if all is well. A network is in it with all of its steps or not at all. When more than
    `MAX_NETWORKS` of a context would be kept the oldest go, and so do the contexts that were
    not written to for the longest time.
    """

    def __init__(
        self,
        path: Path | None,
        wait_s: float,
        memory: sqlite3.Connection | None = None,
        note: str = "",
    ) -> None:
        self.path = path
        self.note = note
        self._wait_s = wait_s
        self._memory = memory

    def times(self, context: Context) -> tuple[StepTime, ...]:
        """Every step of every network, in seconds of a moment that is the same for all.

        See `lithe.latency_table.reference`. Raises as `networks`.
        """
        return tuple(step for network in self.networks(context) for step in network.steps)

    def networks(self, context: Context) -> tuple[NetworkTimes, ...]:
        """Every network of a context, the oldest first, as if all were measured in one moment.

        Raises:
            LitheError: the file is locked, or was damaged since it was opened.
        """
        with self._open() as connection, _transaction(connection, "BEGIN"):
            rows = connection.execute(
                "SELECT networks.id, network, arch, whole_s, reference_s, disturbed, date "
                "FROM networks JOIN contexts ON contexts.id = context "
                "WHERE (cpu, isa, threads, code) = (?, ?, ?, ?) ORDER BY networks.id",
                _key(context),
            ).fetchall()
            steps = connection.execute(
                "SELECT steps.network, kernel, units, features, seconds FROM steps "
                "JOIN networks ON networks.id = steps.network "
                "JOIN contexts ON contexts.id = context "
                "WHERE (cpu, isa, threads, code) = (?, ?, ?, ?) "
                "ORDER BY steps.network, position",
                _key(context),
            ).fetchall()
        names = {row[0]: row[1] for row in rows}
        of_network: dict[int, list[StepTime]] = {number: [] for number in names}
        for number, kernel, units, features, seconds in steps:
            step = PlannedStep(kernel, units, struct.unpack(f"<{len(features) // 8}d", features))
            of_network[number].append(StepTime(step, names[number], seconds))
        try:
            return comparable([_network(row, of_network[row[0]]) for row in rows])
        except msgspec.DecodeError as error:
            raise LitheError(
                f"{self.path} has a network that cannot be read: {error}; remove the file"
            ) from None

    def reference_s(self, context: Context) -> float | None:
        """The best-known time of the reference network, None before it was measured.

        Raises as `networks`.
        """
        with self._open() as connection:
            rows = connection.execute(
                "SELECT reference_s FROM networks JOIN contexts ON contexts.id = context "
                "WHERE (cpu, isa, threads, code) = (?, ?, ?, ?)",
                _key(context),
            ).fetchall()
        return best_known([row[0] for row in rows]) if rows else None

    def add(self, context: Context, times: NetworkTimes) -> None:
        """Keep a network's times, in place of earlier ones of the same network.

        Raises:
            LitheError: the file is locked, or there is no space left.
        """
        name, arch = network_name(times.arch), msgspec.json.encode(times.arch).decode()
        with self._open() as connection, _transaction(connection, "BEGIN IMMEDIATE"):
            execute = connection.execute
            execute(
                "INSERT OR IGNORE INTO contexts (cpu, isa, threads, code) VALUES (?, ?, ?, ?)",
                _key(context),
            )
            (home,) = execute(
                "UPDATE contexts SET written = (SELECT max(written) + 1 FROM contexts) "
                "WHERE (cpu, isa, threads, code) = (?, ?, ?, ?) RETURNING id",
                _key(context),
            ).fetchone()
            execute("DELETE FROM networks WHERE (context, network) = (?, ?)", (home, name))
            fields = (times.whole_s, times.reference_s, times.disturbed, times.date)
            (number,) = execute(
                "INSERT INTO networks "
                "(context, network, arch, whole_s, reference_s, disturbed, date) "
                "VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
                (home, name, arch, *fields),
            ).fetchone()
            connection.executemany(
                "INSERT INTO steps VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (number, at, row.step.kernel, row.step.units, _packed(row.step), row.seconds)
                    for at, row in enumerate(times.steps)
                ],
            )
            execute(
                "DELETE FROM networks WHERE context = ? AND id NOT IN "
                "(SELECT id FROM networks WHERE context = ? ORDER BY id DESC LIMIT ?)",
                (home, home, MAX_NETWORKS),
            )
            execute(
                "DELETE FROM contexts WHERE id NOT IN "
                "(SELECT id FROM contexts ORDER BY written DESC LIMIT ?)",
                (MAX_CONTEXTS,),
            )

    def clear(self) -> TableSize:
        """Forget everything; what was there. Raises as `add`."""
        before = self.size()
        with self._open() as connection:
            connection.execute("DELETE FROM contexts")
            connection.execute("VACUUM")
        return before

    def size(self) -> TableSize:
        """How much is kept. Raises as `networks`."""
        with self._open() as connection:
            contexts, networks, steps = (
                connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
                for name in ("contexts", "networks", "steps")
            )
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            (page,) = connection.execute("PRAGMA page_size").fetchone()
        return TableSize(contexts, networks, steps, size_bytes=pages * page)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A connection for one piece of work: none is carried through a fork or to a thread."""
        if self._memory is not None:
            yield self._memory
            return
        assert self.path is not None
        try:
            with closing(connect(self.path, self._wait_s)) as connection:
                prepare(connection)  # the file may have been removed since
                yield connection
        except (UnusableError, sqlite3.Error) as error:
            if isinstance(error, sqlite3.OperationalError) and _is_locked(error):
                raise _locked(self.path, self._wait_s) from None
            if "full" in str(error):
                raise LitheError(
                    f"no space left for {self.path}; what was measured before is kept; "
                    "free some space and go on"
                ) from None
            raise LitheError(
                f"{self.path}: {error or 'damaged'}; measured times cannot be used: "
                "remove the file, or start again"
            ) from None


@contextmanager
def _transaction(connection: sqlite3.Connection, begin: str) -> Iterator[None]:
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _network(
    row: tuple[int, str, str, float, float, int, str], steps: list[StepTime]
) -> NetworkTimes:
    _, _, arch, whole_s, reference_s, disturbed, date = row
    table = msgspec.json.decode(arch, type=Architecture)
    return NetworkTimes(table, tuple(steps), whole_s, reference_s, bool(disturbed), date)


def _packed(step: PlannedStep) -> bytes:
    return struct.pack(f"<{len(step.features)}d", *step.features)


def _key(context: Context) -> tuple[str, str, int, str]:
    return context.cpu, context.isa, context.threads, context.code


def _is_locked(error: sqlite3.OperationalError) -> bool:
    return "locked" in str(error)


def _locked(path: Path, wait_s: float) -> LitheError:
    return LitheError(
        f"{path} has been locked by another process for more than {wait_s:g} s; "
        "end that process, or wait for it"
    )
