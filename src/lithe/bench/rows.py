"""The rows of a result file, complete enough to be read alone."""

import json
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from lithe import __version__
from lithe.bench.cells import Cell
from lithe.cpu import cpu_name
from lithe.errors import LitheError

Status = Literal["measured", "missing", "failed"]


class Row(Struct, frozen=True, omit_defaults=True):
    """One engine in one cell.

    `macs` are those of the whole batch. Seconds are percentiles over all runs of all rounds;
    `peak_macs_per_s` is the FMA loop's median in the same rounds. `errors` are against PyTorch
    in float64, the relative one over the largest logit. A row that was not measured has a
    `reason` instead. `cores` are those that it was pinned to.
    """

    network: str
    resolution: int
    batch: int
    threads: int
    engine: str
    status: Status
    version: str = ""
    reason: str = ""
    macs: int = 0
    p20_s: float = 0.0
    p50_s: float = 0.0
    p80_s: float = 0.0
    runs: int = 0
    rounds: int = 0
    peak_macs_per_s: float = 0.0
    gmacs_per_s: float = 0.0
    share_of_peak: float = 0.0
    max_abs_error: float = 0.0
    max_rel_error: float = 0.0
    facts: dict[str, Any] = {}
    cores: tuple[int, ...] = ()
    cpu: str = ""
    date: str = ""

    @property
    def cell(self) -> Cell:
        """Where in the table it stands."""
        return Cell(self.network, self.resolution, self.batch, self.threads)


class MemoryRow(Struct, frozen=True, omit_defaults=True):
    """Resident bytes of a process after load and `runs` runs, less those of a bare one.

    Bare is an interpreter with NumPy, whose own bytes stand in `bare_rss_bytes`.
    """

    network: str
    resolution: int
    threads: int
    engine: str
    status: Status
    version: str = ""
    reason: str = ""
    runs: int = 0
    extra_rss_bytes: int = 0
    extra_peak_rss_bytes: int = 0
    bare_rss_bytes: int = 0
    torch_imported: bool = False
    cpu: str = ""
    date: str = ""


class CompileRow(Struct, frozen=True, omit_defaults=True):
    """Seconds of `lithe.compile` in fresh processes, median of `runs`, cache empty and filled."""

    network: str
    resolution: int
    threads: int
    status: Status
    version: str = ""
    reason: str = ""
    runs: int = 0
    cold_s: float = 0.0
    cached_s: float = 0.0
    cpu: str = ""
    date: str = ""


class Results(Struct, frozen=True):
    """A result file: under which conditions, and the rows of every kind."""

    conditions: dict[str, Any]
    rows: tuple[Row, ...] = ()
    memory: tuple[MemoryRow, ...] = ()
    compile_time: tuple[CompileRow, ...] = ()


def conditions() -> dict[str, Any]:
    """CPU, system, versions and date."""
    from lithe.bench.engines import ENGINES, installed

    packages = {engine.package: installed(name) for name, engine in ENGINES.items()}
    return {
        "cpu": cpu_name(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: found for name, found in packages.items() if found}
        | {"lithe": __version__, "numpy": version("numpy")},
        "date": today(),
    }


def today() -> str:
    """The date in UTC, as it stands in a row."""
    return datetime.now(UTC).date().isoformat()


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value below which that share of the ordered values lies; no interpolation.

    >>> percentile([1.0, 2.0, 3.0, 4.0, 5.0], 0.2)
    2.0
    """
    return ordered[round(share * (len(ordered) - 1))]


def write_results(path: Path, results: Results) -> None:
    """Write a result file, one row per line, so that a change of one row is a line of a diff."""
    parts = []
    for name, value in msgspec.to_builtins(results).items():
        if isinstance(value, list):
            lines = ",\n".join(f"  {json.dumps(row)}" for row in value)
            parts.append(f' "{name}": [\n{lines}\n ]' if value else f' "{name}": []')
        else:
            parts.append(f' "{name}": {json.dumps(value)}')
    path.write_text("{\n" + ",\n".join(parts) + "\n}\n")


def read_results(path: Path) -> Results:
    """Read a result file.

    Raises:
        LitheError: not a result file of this form.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Results)
    except (OSError, msgspec.DecodeError) as error:
        raise LitheError(f"{path} is no result file of lithe bench: {error}") from None
