"""A device on a terminal: what it multiplies, what it moves, and where each number is from."""

from collections.abc import Mapping
from types import MappingProxyType

from rich.console import Group, RenderableType
from rich.text import Text

from lithe.device import (
    DTYPES,
    LEVELS,
    Bandwidth,
    Cache,
    Device,
    LatencyTable,
    Launch,
    Peak,
    balance_of,
    peak_of,
)
from lithe.device.boards import SOURCES
from lithe.report.terminal import Column, facts, spaced, table
from lithe.runtimes import WORDS
from lithe.units import format_seconds

_NOTHING = "-"


def device_text(
    device: Device, where: str = "", errors: Mapping[int, float] = MappingProxyType({})
) -> RenderableType:
    """One device: peaks, speeds of caches and memory, launches, latency tables, notes.

    `where` it was kept; `errors`: of each number of threads, by how much of a network's latency
    a prediction is off in the middle of all networks.
    """
    parts = [_head(device, where)]
    if device.peaks:
        parts.append(_peaks(device))
    if device.bandwidths:
        parts.append(_bandwidths(device))
    if device.launches:
        parts.append(_launches(device.launches))
    if device.latency:
        parts.append(_latency(device.latency, errors))
    if device.kind == "data sheet":
        parts.append(_sources(device))
    if device.notes:
        parts.append(Text("\n".join(f"Note: {note}." for note in device.notes)))
    return spaced(*parts)


def boards_text(boards: Mapping[str, Device]) -> RenderableType:
    """The boards that can be named, all from data sheets."""
    rows = []
    for name, device in boards.items():
        peak = peak_of(device, "fp32", device.cores)
        memory = [row.read_bytes_per_s for row in device.bandwidths if row.level == "memory"]
        rows.append((name, device.name, _giga(peak), _giga(max(memory, default=None))))
    columns = [Column("board"), Column("what it is")]
    columns += [Column(name, figures=True) for name in ("GMAC/s", "GB/s")]
    return spaced(
        table(columns, rows),
        Text(
            "From data sheet, not measured: fp32, all cores, and memory.\n"
            "`lithe device BOARD` shows one with a source beside each number."
        ),
    )


def _head(device: Device, where: str) -> RenderableType:
    how = "from data sheet" if device.kind == "data sheet" else f"measured {device.date}".strip()
    title = Text.assemble((device.name, "bold"), f", {how}")
    cores = f"{device.cores} core{'s' * (device.cores > 1)}"
    rows = [("Cores", f"{cores}, {device.isa}" if device.isa else cores)]
    if device.caches:
        rows.append(("Caches", ", ".join(_cache(cache) for cache in device.caches)))
    if where:
        rows.append(("Kept", where))
    return Group(title, facts(rows))


def _cache(cache: Cache) -> str:
    size = cache.bytes / 2**10
    text = f"{size / 2**10:g} MiB" if size >= 2**10 else f"{size:g} KiB"
    whose = "of each core" if cache.shared_by == 1 else f"for {cache.shared_by} cores"
    return f"{cache.level} {text} {whose}"


def _peaks(device: Device) -> RenderableType:
    counts = sorted({peak.threads for peak in device.peaks})
    found = {(peak.dtype, peak.threads): peak for peak in device.peaks}
    rows = []
    for dtype in DTYPES:
        here = {n: found[dtype, n] for n in counts if (dtype, n) in found}
        if here:
            rows.append((dtype, _instruction(here), *_rates(here, counts)))
    columns = [Column("type"), Column("instruction")]
    for n in counts:
        columns += [Column(f"{_threads(n)}: GMAC/s", True), Column("GFLOP/s", True)]
    return Group(
        Text("Multiply-adds", style="bold"),
        table(columns, rows),
        Text("1 MAC = 2 FLOPs; in int8, two operations."),
    )


def _instruction(here: Mapping[int, Peak]) -> str:
    return next(iter(here.values())).instruction


def _rates(here: Mapping[int, Peak], counts: list[int]) -> list[str]:
    cells = []
    for n in counts:
        peak = here[n].macs_per_s if n in here else None
        cells += [_giga(peak), _giga(None if peak is None else 2 * peak)]
    return cells


def _bandwidths(device: Device) -> RenderableType:
    counts = sorted({row.threads for row in device.bandwidths})
    found = {(row.level, row.threads): row for row in device.bandwidths}
    copies = any(row.copy_bytes_per_s for row in device.bandwidths)
    rows = []
    for level in LEVELS:
        here = {n: found[level, n] for n in counts if (level, n) in found}
        if here:
            balance = balance_of(device, level, counts[-1])
            cells = [cell for n in counts for cell in _speeds(here.get(n), copies)]
            rows.append((level, *cells, _NOTHING if balance is None else f"{balance:.2f}"))
    columns = [Column("level")]
    for n in counts:
        columns.append(Column(f"{_threads(n)}: read", True))
        columns += [Column("copy", True)] * copies
    columns.append(Column("MACs/byte", True))
    lines = f"MACs/byte: multiply-adds in fp32 while a byte is read, {_threads(counts[-1])}."
    return Group(Text("Bytes moved, GB/s", style="bold"), table(columns, rows), Text(lines))


def _speeds(row: Bandwidth | None, copies: bool) -> list[str]:
    if row is None:
        return [_NOTHING] * (1 + copies)
    return [_giga(row.read_bytes_per_s), _giga(row.copy_bytes_per_s)][: 1 + copies]


def _launches(launches: tuple[Launch, ...]) -> RenderableType:
    rows = [
        (WORDS[launch.runtime], _threads(launch.threads), _time(launch.seconds))
        for launch in launches
    ]
    columns = [Column("in"), Column("with"), Column("a step", figures=True)]
    return Group(Text("To begin and end a step", style="bold"), table(columns, rows))


def _latency(tables: tuple[LatencyTable, ...], errors: Mapping[int, float]) -> RenderableType:
    rows = []
    for each in tables:
        error = errors.get(each.threads)
        disturbed = sum(network.disturbed for network in each.networks)
        rows.append(
            (
                _threads(each.threads),
                f"{len(each.networks):,}",
                f"{disturbed:,}",
                f"{len(each.kernels):,}",
                _time(each.reference_s),
                _NOTHING if error is None else f"{100 * error:.1f} %",
            )
        )
    names = ("networks", "disturbed", "steps", "reference", "error")
    columns = [Column("with"), *(Column(name, figures=True) for name in names)]
    lines = "error: of a network that was left out, its latency predicted from the others, median."
    return Group(
        Text("Measured latencies of steps", style="bold"),
        table(columns, rows),
        *([Text(lines)] if errors else []),
    )


def _sources(device: Device) -> RenderableType:
    rows: list[tuple[str, str]] = [(cache.level, cache.source) for cache in device.caches]
    rows += [(f"{peak.dtype} x {peak.threads}", peak.source) for peak in device.peaks]
    rows += [(row.level, row.source) for row in device.bandwidths]
    used = [
        f"{name}: {text}"
        for name, text in SOURCES.items()
        if any(name in source for _, source in rows)
    ]
    return Group(
        Text("Where each number is from", style="bold"),
        table([Column("number"), Column("source")], rows),
        Text("\n".join(used)),
    )


def _threads(count: int) -> str:
    return f"{count} thread{'s' * (count > 1)}"


def _giga(value: float | None) -> str:
    """Thousands of millions: one decimal, whole numbers from 100."""
    if value is None:
        return _NOTHING
    return f"{1e-9 * value:.0f}" if value >= 99.95e9 else f"{1e-9 * value:.1f}"


def _time(seconds: float) -> str:
    return f"{1e9 * seconds:.0f} ns" if seconds < 1e-6 else format_seconds(seconds)
