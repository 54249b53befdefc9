"""The database of measured times: its tables, its format, and how a file becomes usable."""

import datetime
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from lithe.errors import LitheError

FORMAT = 1  # of the file, in `PRAGMA user_version`; a change of the tables needs a new one

# A network and all of its steps are written in one transaction. `features` are doubles.
_TABLES = """
CREATE TABLE contexts (
    id INTEGER PRIMARY KEY,
    cpu TEXT NOT NULL, isa TEXT NOT NULL, threads INTEGER NOT NULL, code TEXT NOT NULL,
    written INTEGER NOT NULL DEFAULT 0,
    UNIQUE (cpu, isa, threads, code)
);
CREATE TABLE networks (
    id INTEGER PRIMARY KEY,
    context INTEGER NOT NULL REFERENCES contexts (id) ON DELETE CASCADE,
    network TEXT NOT NULL, arch TEXT NOT NULL,
    whole_s REAL NOT NULL, reference_s REAL NOT NULL,
    disturbed INTEGER NOT NULL, date TEXT NOT NULL,
    UNIQUE (context, network)
);
CREATE TABLE steps (
    network INTEGER NOT NULL REFERENCES networks (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    kernel TEXT NOT NULL, units INTEGER NOT NULL, features BLOB NOT NULL,
    seconds REAL NOT NULL,
    PRIMARY KEY (network, position)
) WITHOUT ROWID;
"""


class UnusableError(Exception):
    """The file is no database, or an older or broken one: nothing of it can be used."""


def connect(path: Path, timeout_s: float) -> sqlite3.Connection:
    """A connection that waits `timeout_s` for others, takes part in deletions, and commits itself.

    Raises:
        sqlite3.Error: the file cannot be opened.
    """
    connection = sqlite3.connect(path, timeout=timeout_s, isolation_level=None)
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        connection.close()
        raise
    return connection


def prepare(connection: sqlite3.Connection) -> None:
    """Make the tables where there are none; several processes may do so at once.

    Raises:
        LitheError: of a newer format.
        UnusableError: of an older format, or with other tables.
        sqlite3.Error: locked, no database, or it cannot be written.
    """
    if _usable(connection):
        return
    with suppress(sqlite3.OperationalError):  # not on every file system; then without
        connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not _usable(connection):  # somebody else was not faster
            for statement in _TABLES.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {FORMAT}")
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _usable(connection: sqlite3.Connection) -> bool:
    """Whether the tables are there; False where the file is empty."""
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    if found > FORMAT:
        raise LitheError(
            f"it has format {found} of a newer lithe; this one reads up to {FORMAT}: "
            "update lithe, or move the file away"
        )
    if found == 0 and not tables:
        return False
    if found < FORMAT or not {"contexts", "networks", "steps"} <= tables:
        raise UnusableError
    return True


def set_aside(path: Path, timeout_s: float) -> str:
    """Move a file that cannot be used out of the way; a word on where it is now, "" if it is gone.

    Two processes may find it at once: only the first moves it, the other finds a good one.

    Raises:
        LitheError: another process keeps it locked.
        OSError: the folder cannot be written.
    """
    try:
        with FileLock(f"{path}.lock", timeout=timeout_s):
            try:
                with closing(connect(path, timeout_s)) as connection:
                    prepare(connection)
                    return ""
            except (UnusableError, sqlite3.DatabaseError) as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise
            moment = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S")
            aside = path.with_name(f"{path.name}.unusable-{moment}")
            for ending in ("-wal", "-shm"):
                path.with_name(path.name + ending).unlink(missing_ok=True)
            path.replace(aside)
            return f"{path} could not be used and is now {aside.name}; measured times begin anew"
    except Timeout:
        raise LitheError(f"{path} is being repaired by another process; try again") from None
