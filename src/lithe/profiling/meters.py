"""Meters of energy that a machine has: RAPL of x86 processors, as Linux shows it.

RAPL counts microjoules of a whole processor package, some models also of the memory. The
counter begins again at zero behind a known largest value, some minutes apart at the most
that a processor can use.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lithe.errors import LitheError

POWERCAP = Path("/sys/class/powercap")
MICRO = 1e-6


@dataclass(frozen=True, slots=True)
class Meter:
    """A counter of joules that only goes up, until `wraps_at_j`, where it begins at 0 again."""

    kind: str
    name: str
    read_j: Callable[[], float]
    wraps_at_j: float | None = None

    def used_j(self, before: float, after: float) -> float:
        """Joules between two readings, which are less than a whole round apart."""
        if after < before and self.wraps_at_j is not None:
            return after - before + self.wraps_at_j
        return after - before


def rapl_meters(root: Path = POWERCAP) -> tuple[Meter, ...]:
    """One meter for each processor package, and one for its memory where that is counted apart.

    Parts of a package (cores, graphics) are in its figure, and are left out.

    Raises:
        LitheError: the machine has none, or they may not be read; says what would help.
    """
    meters = []
    for folder in sorted(root.glob("intel-rapl:*")):
        name = _text(folder / "name")
        if name.startswith("package"):
            meters.append(_meter(folder, name))
        elif name == "dram":
            package = _text(folder.parent / folder.name.rpartition(":")[0] / "name")
            meters.append(_meter(folder, f"{package} memory"))
    if not meters:
        raise LitheError(f"no energy counter (RAPL) of a processor under {root}")
    for meter in meters:
        meter.read_j()
    return tuple(meters)


def _meter(folder: Path, name: str) -> Meter:
    largest = _joules(folder / "max_energy_range_uj")
    return Meter("RAPL", name, lambda: _joules(folder / "energy_uj"), largest)


def _joules(path: Path) -> float:
    text = _text(path)
    try:
        return int(text) * MICRO
    except ValueError:
        raise LitheError(f"{path} holds {text!r} and no number of microjoules") from None


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except PermissionError:
        raise LitheError(
            f"{path} needs read permission: run as root, or `sudo chmod a+r {path}`"
        ) from None
    except OSError as error:
        raise LitheError(f"{path} cannot be read: {error.strerror}") from None
