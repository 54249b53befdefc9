"""How large the buffers are that the speed of a cache, or of memory, is measured with."""

from collections.abc import Iterable
from pathlib import Path

from lithe.device import Cache, Level
from lithe.device.rates import spread_bytes

SMALLEST_MEMORY = 256 * 2**20
BEYOND_CACHES = 4  # times all caches; what is left in them from the last round does not count
_MEMINFO = Path("/proc/meminfo")


def working_sets(
    caches: Iterable[Cache], cores: int, threads: int, available_bytes: int | None = None
) -> dict[Level, int]:
    """Bytes that all threads together go through, for each level that can be told apart.

    Half of a cache leaves room for everything else that is in it, but a buffer has to be
    twice what nearer caches hold, or lie halfway between them and this one. A cache of less
    than twice the nearer one is left out. Memory: 256 MiB and four times the caches, but at
    most a quarter of what is available.
    """
    sizes: dict[Level, int] = {}
    nearer = 0
    for cache in caches:
        capacity = spread_bytes(cache, cores, threads)
        if capacity >= 2 * nearer:
            sizes[cache.level] = max(capacity // 2, min(2 * nearer, (nearer + capacity) // 2))
        nearer = max(nearer, capacity)
    memory = max(SMALLEST_MEMORY, BEYOND_CACHES * nearer)
    if available_bytes is not None:
        memory = min(memory, available_bytes // 4)
    if memory >= 2 * nearer:
        sizes["memory"] = memory
    return sizes


def available_bytes(path: Path = _MEMINFO) -> int | None:
    """Memory that a process may still take, as Linux estimates it; None: it does not say."""
    try:
        for line in path.read_text().splitlines():
            name, _, value = line.partition(":")
            if name == "MemAvailable":
                return int(value.split()[0]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None
