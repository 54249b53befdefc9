"""The store of trials, and what can go wrong with it, in words."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import optuna
from optuna.exceptions import OptunaError
from optuna.storages import BaseStorage, InMemoryStorage, RDBStorage
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from lithe.errors import LitheError
from lithe.search.quiet import quiet

# How long a write waits for another program that holds an SQLite store.
WAIT_S = 20.0
IN_MEMORY = ""
# Two searches that begin with a new store at once both try to make its tables.
MADE_BY_ANOTHER = ("already exists", "unique constraint", "duplicate")
ATTEMPTS, PAUSE_S = 20, 0.1


def open_store(url: str, wait_s: float = WAIT_S) -> BaseStorage:
    """The store at a URL of SQLAlchemy, such as `sqlite:///runs/photos/trials.db`.

    `IN_MEMORY` is one that is gone when the process ends.

    Raises:
        LitheError: the URL is none, or there is no store that this version can use.
    """
    if url == IN_MEMORY:
        return InMemoryStorage()
    with store_errors(url):
        arguments = {"timeout": wait_s} if make_url(url).get_backend_name() == "sqlite" else {}
        for _ in range(ATTEMPTS):
            try:
                return RDBStorage(url, engine_kwargs={"connect_args": arguments})
            except (OptunaError, SQLAlchemyError) as error:
                if not any(part in str(_first(error)).lower() for part in MADE_BY_ANOTHER):
                    raise
                time.sleep(PAUSE_S)
        return RDBStorage(url, engine_kwargs={"connect_args": arguments})


@contextmanager
def store_errors(url: str) -> Iterator[None]:
    """Within, errors of the store at `url` become a `LitheError` that says what to do.

    Raises:
        LitheError: the store cannot be read or written.
    """
    try:
        with quiet():
            yield
    except (ArgumentError, NoSuchModuleError):
        raise LitheError(
            f"{shown(url)} is not the URL of a store; write it like sqlite:///folder/trials.db "
            "or postgresql://user@host/database"
        ) from None
    except ImportError as error:
        missing = (error.__cause__ or error).args[0]
        raise LitheError(
            f"the store {shown(url)} needs a package that is not installed: {missing}"
        ) from None
    except (OptunaError, SQLAlchemyError) as error:
        raise LitheError(f"the store {shown(url)} {_what_is_wrong(error)}") from None
    except RuntimeError as error:
        if "table schema" not in str(error):
            raise
        raise LitheError(
            f"the store {shown(url)} was made by another version of Optuna than "
            f"{optuna.__version__}, which is installed: {_remedy(str(error))}"
        ) from None


def shown(url: str) -> str:
    """A URL without its password."""
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return repr(url)


def _remedy(message: str) -> str:
    if "storage upgrade" in message:
        return "`optuna storage upgrade --storage URL` brings it up to date"
    return "install the newer one, or choose another store"


# What SQLite says, in part, and what we say.
SQLITE = {
    "database is locked": (
        "is locked by another program; close what works in it (a dashboard, a browser of "
        "databases, another search) and go on with --resume: nothing is lost"
    ),
    "disk is full": "has no room left on its disk; make room and go on with --resume",
    "disk i/o error": "cannot be read or written: its disk reports an error",
    "readonly database": "cannot be written: the file or its folder is read-only",
    "unable to open": "cannot be opened: its folder does not exist or may not be written",
    "not a database": "is a file of another kind; choose another one",
    "malformed": "is damaged; choose another one, or restore it from a copy",
}


def _what_is_wrong(error: BaseException) -> str:
    cause = _first(error)
    said = str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
    for part, words in SQLITE.items():
        if part in said.lower():
            return words
    return f"does not answer: {said}"


def _first(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error
