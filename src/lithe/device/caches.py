"""The caches of this machine, as Linux lists them under /sys."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lithe.device.rows import Cache

SYSTEM = Path("/sys/devices/system/cpu")

CacheLevel = Literal["L1", "L2", "L3"]
_LEVELS: dict[str, CacheLevel] = {"1": "L1", "2": "L2", "3": "L3"}
_SIZE = re.compile(r"([0-9]{1,12})([KMG]?)")
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}
# Where the system says nothing: the first level has at least that on every 64-bit core that the
# engine knows, and a buffer of half the second is beyond most first levels.
_ASSUMED = (
    Cache("L1", 32 * 2**10, 1, "assumed"),
    Cache("L2", 256 * 2**10, 1, "assumed"),
)


@dataclass(frozen=True, slots=True)
class Caches:
    """Caches for data, the nearest first, and what there is to say of them."""

    rows: tuple[Cache, ...]
    notes: tuple[str, ...] = ()


def read_caches(processors: Iterable[int], root: Path = SYSTEM) -> Caches:
    """The caches that these processors have, from the folder with `cpu0`, `cpu1` and so on.

    A cache is shared by those of the processors that it serves. Where processors differ, as
    big and little cores do, the smallest of each level is taken, and a note says so; where
    nothing is listed, small sizes are assumed, with a note.
    """
    usable = frozenset(processors)
    found: dict[CacheLevel, set[tuple[int, int]]] = {}
    for processor in sorted(usable):
        for level, size, sharers in _of_processor(root / f"cpu{processor}" / "cache"):
            found.setdefault(level, set()).add((size, max(1, len(sharers & usable))))
    if not found:
        assumed = " and ".join(f"{cache.bytes // 2**10} KiB of {cache.level}" for cache in _ASSUMED)
        return Caches(_ASSUMED, (f"the system does not list its caches; {assumed} are assumed",))
    rows, notes = [], []
    for level in sorted(found):
        size, shared_by = min(found[level])
        rows.append(Cache(level, size, shared_by, "listed by the system"))
        sizes = sorted({size for size, _ in found[level]})
        if len(sizes) > 1:
            listed = " and ".join(f"{size / 2**10:g} KiB" for size in sizes)
            notes.append(f"cores differ: {level} of {listed}; the smallest is taken")
    return Caches(tuple(rows), tuple(notes))


def _of_processor(folder: Path) -> Iterator[tuple[CacheLevel, int, frozenset[int]]]:
    """Level, bytes and processors served of each cache for data; what cannot be read is left."""
    for index in sorted(folder.glob("index[0-9]*")):
        try:
            kind, level, size = (_text(index / name) for name in ("type", "level", "size"))
        except OSError:
            continue
        match = _SIZE.fullmatch(size)
        if kind not in ("Data", "Unified") or level not in _LEVELS or match is None:
            continue
        size_bytes = int(match[1]) * _UNITS[match[2]]
        if size_bytes > 0:
            try:
                sharers = _processors(_text(index / "shared_cpu_list"))
            except (OSError, ValueError):
                sharers = frozenset()
            yield _LEVELS[level], size_bytes, sharers


def _text(path: Path) -> str:
    return path.read_text(errors="replace").strip()


def _processors(text: str) -> frozenset[int]:
    """The numbers of "0-3,8".

    >>> sorted(_processors("0-2,8"))
    [0, 1, 2, 8]
    """
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        begin, end = int(first), int(last or first)
        if end - begin > 1 << 16:
            raise ValueError(f"{part} are too many processors")
        found.update(range(begin, end + 1))
    return frozenset(found)
