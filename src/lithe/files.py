"""Files appear by rename: whole or not at all, killed process and full disk included."""

import errno
import os
import secrets
from contextlib import suppress
from pathlib import Path

from lithe.errors import LitheError


def cache_folder() -> Path | None:
    """`lithe` in the user's folder for caches, as the XDG specification has it; None: no home."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    if given.startswith("/"):
        return Path(given) / "lithe"
    try:
        return Path.home() / ".cache" / "lithe"
    except RuntimeError:
        return None


def write_atomically(path: Path, data: bytes) -> None:
    """Put `data` at `path`, replacing what is there only once all of it is on disk.

    Raises:
        LitheError: no space left, or the folder cannot be written; what was at `path` stays.
    """
    temporary = path.parent / f".{path.name}.{secrets.token_hex(4)}"
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise LitheError(
                f"no space left for {path} ({len(data):,} bytes); what was saved before is kept; "
                "free some space; a run goes on with --resume"
            ) from error
        raise LitheError(f"cannot write {path}: {error.strerror or error}") from error
