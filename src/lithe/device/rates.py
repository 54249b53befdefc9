"""What a device can do for a given number of threads, read from its rows.

Rows are measured with one thread and with all of them. What lies between is never less than
what the machine can do: it serves bounds, which have to be optimistic.
"""

from collections.abc import Iterable
from typing import Literal

from lithe.device.rows import Cache, Device, DType, Level


def peak_of(device: Device, dtype: DType = "fp32", threads: int = 1) -> float | None:
    """Multiply-accumulates per second of `threads` cores; None where the device has no row.

    n threads do at most n times what one does, and at most what all do together.
    """
    rows = ((peak.threads, peak.macs_per_s) for peak in device.peaks if peak.dtype == dtype)
    return _at_most(rows, threads, device.cores, private=True)


def bandwidth_of(device: Device, level: Level, threads: int = 1) -> float | None:
    """Bytes per second that `threads` cores read from a level; None without a row.

    n threads read at most n times what one reads, and at most what all read together. Where
    only the figure of all is known, one core may have it all, unless the level is private.
    """
    rows = ((row.threads, row.read_bytes_per_s) for row in device.bandwidths if row.level == level)
    return _at_most(rows, threads, device.cores, private=_sharers(device, level) == 1)


def transfer_of(device: Device, level: Level, threads: int = 1) -> float | None:
    """Bytes per second that `threads` cores move at best, read or copied; None without a row.

    Where reading and writing are done at once, a copy moves more than reading alone.
    """
    rows = (
        (row.threads, max(row.read_bytes_per_s, row.copy_bytes_per_s or 0.0))
        for row in device.bandwidths
        if row.level == level
    )
    return _at_most(rows, threads, device.cores, private=_sharers(device, level) == 1)


def capacity_of(device: Device, level: Level, threads: int = 1) -> int | None:
    """Bytes that `threads` cores have of a level together, at best; None: not known.

    Private caches add up. A shared one is counted once for every group of cores that has
    one, as if threads were spread over the groups. Memory is not known.
    """
    cache = next((cache for cache in device.caches if cache.level == level), None)
    return None if cache is None else spread_bytes(cache, device.cores, threads)


def spread_bytes(cache: Cache, cores: int, threads: int) -> int:
    """Bytes of a level that so many threads have together, spread over the cores."""
    return cache.bytes * min(threads, -(-cores // cache.shared_by))


def launch_of(device: Device, runtime: Literal["lithe", "eager"], threads: int = 1) -> float | None:
    """Seconds that a step costs beside its work; None where it was not measured.

    The row of most threads that are no more than `threads`, else the one of fewest.
    """
    rows = sorted((row.threads, row.seconds) for row in device.launches if row.runtime == runtime)
    if not rows:
        return None
    return max([row for row in rows if row[0] <= threads] or rows[:1])[1]


def balance_of(
    device: Device, level: Level, threads: int = 1, dtype: DType = "fp32"
) -> float | None:
    """MACs that the device does while it reads one byte from a level; None without rows.

    A layer with fewer MACs for each byte is bound by that level.
    """
    peak, bandwidth = peak_of(device, dtype, threads), bandwidth_of(device, level, threads)
    return None if peak is None or bandwidth is None else peak / bandwidth


def _sharers(device: Device, level: Level) -> int:
    """Cores that have a level in common; without a row, the first level is private."""
    rows = (cache.shared_by for cache in device.caches if cache.level == level)
    return next(rows, 1 if level == "L1" else device.cores)


def _at_most(
    rows: Iterable[tuple[int, float]], threads: int, cores: int, *, private: bool
) -> float | None:
    """The least of what each row allows `threads` threads; more than `cores` do no more."""
    rows = sorted(rows)
    if not rows:
        return None
    wanted = min(threads, max(cores, rows[-1][0]))
    below = [row for row in rows if row[0] <= wanted]
    above = [row for row in rows if row[0] > wanted]
    limits = [below[-1][1] * wanted / below[-1][0]] if below else []
    if above:
        # A core's share of what all do is only an estimate, used where nothing better is.
        share = wanted / above[0][0] if private and not below else 1.0
        limits.append(above[0][1] * share)
    return min(limits)
