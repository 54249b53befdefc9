"""How much memory this process keeps: resident bytes, as Linux says them."""

from contextlib import suppress
from pathlib import Path

STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"
_NOW, _PEAK = "VmRSS", "VmHWM"  # in KiB


def resident_bytes() -> tuple[int, int]:
    """Bytes that this process keeps in memory now, and the most it ever did.

    Raises:
        OSError: a system without /proc.
    """
    found = {}
    for line in STATUS.read_text().splitlines():
        name, _, value = line.partition(":")
        if name in (_NOW, _PEAK):
            found[name] = int(value.split()[0]) * 1024
    return found[_NOW], found[_PEAK]


def forget_peak() -> bool:
    """Have the most begin anew at what is kept now; whether the system does that."""
    with suppress(OSError):
        _CLEAR.write_text(_RESET_PEAK)
        return True
    return False
