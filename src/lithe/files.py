"""Files appear by rename: whole or not at all, killed process and full disk included."""

import errno
import os
import tempfile
from pathlib import Path

from lithe.errors import LitheError


def write_atomically(path: Path, data: bytes) -> None:
    """Put `data` at `path`, replacing what is there only once all of it is on disk.

    Raises:
        LitheError: no space left, or the folder cannot be written; what was at `path` stays.
    """
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise LitheError(
                f"no space left for {path} ({len(data):,} bytes); what was saved before is kept: "
                "free some space and go on with --resume"
            ) from error
        raise LitheError(f"cannot write {path}: {error.strerror or error}") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
