"""What was compiled or measured once, in a folder: each entry a file named by its key.

The cache is never needed: where the folder cannot be made, read or written, everything is
made again. An entry holds a digest of its content, because a file can be cut short or
damaged and a damaged object would be executed. The digest is no signature: whoever may
write to the folder may run code as its owner, as with any other program in a home folder.
"""

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lithe.files import cache_folder

MAX_BYTES = 256 * 2**20

_DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True)
class CacheSize:
    """What a cache holds."""

    entries: int
    size_bytes: int


class Cache:
    """Bytes under keys; safe to be used by several processes, of bounded size.

    When more than `max_bytes` would be kept, the entries not used for the longest time go.
    """

    def __init__(
        self, folder: str | os.PathLike[str] | None = None, *, max_bytes: int = MAX_BYTES
    ) -> None:
        self.folder = cache_folder() if folder is None else Path(folder)
        self._max_bytes = max_bytes
        self._unchecked_bytes = max_bytes  # the first `put` looks at what is there

    def get(self, key: str) -> bytes | None:
        """What was put under a key; None where there is nothing whole."""
        path = self._path(key)
        if path is None:
            return None
        try:
            data = path.read_bytes()
        except OSError:
            return None
        content = data[_DIGEST_BYTES:]
        if data[:_DIGEST_BYTES] != hashlib.sha256(content).digest():
            with suppress(OSError):
                path.unlink()
            return None
        with suppress(OSError):
            os.utime(path)  # used now, so the last to go
        return content

    def put(self, key: str, content: bytes) -> None:
        """Keep something under a key, if that is possible."""
        path = self._path(key)
        if path is None:
            return
        temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Not synced to the disk: after a power cut the digest tells what is missing.
            temporary.write_bytes(hashlib.sha256(content).digest() + content)
            temporary.replace(path)
        except OSError:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            return
        self._unchecked_bytes += len(content)
        if self._unchecked_bytes > self._max_bytes // 16:
            self._unchecked_bytes = 0
            self._shrink()

    def size(self) -> CacheSize:
        """Entries and bytes, digests included."""
        files = self._files()
        return CacheSize(len(files), sum(size for _, size, _ in files))

    def clear(self) -> CacheSize:
        """Remove every entry; what was removed."""
        before = self.size()
        self._shrink(0)
        return before

    def _path(self, key: str) -> Path | None:
        if self.folder is None:
            return None
        name = hashlib.sha256(key.encode()).hexdigest()
        return self.folder / name[:2] / name[2:]

    def _files(self) -> list[tuple[float, int, Path]]:
        """When last used, bytes, and path of every file, unfinished ones of the killed included."""
        found: list[tuple[float, int, Path]] = []
        if self.folder is None:
            return found
        with suppress(OSError):
            for path in self.folder.glob("[0-9a-f][0-9a-f]/*"):
                with suppress(OSError):
                    status = path.stat()
                    found.append((status.st_mtime, status.st_size, path))
        return found

    def _shrink(self, limit: int | None = None) -> None:
        limit = self._max_bytes if limit is None else limit
        files = sorted(self._files())
        total = sum(size for _, size, _ in files)
        for _, size, path in files:
            if total <= limit:
                return
            with suppress(OSError):
                path.unlink()
            total -= size
