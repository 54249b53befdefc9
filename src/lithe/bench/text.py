"""The rows of `lithe bench` on a terminal, in 80 columns."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from lithe.bench.compare import duel, is_fp32
from lithe.bench.engines import OURS
from lithe.bench.rows import CompileRow, MemoryRow, Row
from lithe.report.terminal import Column, spaced, table
from lithe.units import format_bytes, format_count, format_seconds


def cell_text(rows: Sequence[Row]) -> RenderableType:
    """One cell: fastest first, times over ours, what was not measured and why below."""
    measured = sorted((row for row in rows if row.status == "measured"), key=lambda r: r.p50_s)
    title = Text(rows[0].cell.label, style="bold")
    if not measured:
        return spaced(title, *_gaps(rows))
    first = measured[0]
    title.append(
        f"\n{format_count(first.macs)} MACs; FMA peak {first.peak_macs_per_s / 1e9:.0f} GMAC/s"
        f"{_pinned(first.cores)}",
        style="",
    )
    base = next((row for row in measured if row.engine == OURS), first)
    columns = [
        Column("Engine"),
        Column("Median ms", figures=True),
        Column("20th..80th", figures=True),
        Column("GMAC/s", figures=True),
        Column("of peak", figures=True),
        Column(f"/ {OURS if base.engine == OURS else 'best'}", figures=True),
        Column("Error", figures=True),
    ]
    lines = [
        (
            Text(_name(row), style="bold" if row.engine == OURS else ""),
            _ms(row.p50_s),
            f"{_ms(row.p20_s)}..{_ms(row.p80_s)}",
            f"{row.gmacs_per_s:.1f}",
            f"{row.share_of_peak:.0%}",
            f"{_digits(row.p50_s / base.p50_s)}x",
            f"{row.max_rel_error:.0e}",
        )
        for row in measured
    ]
    return spaced(title, table(columns, lines), *_verdict(rows), *_gaps(rows))


def memory_text(rows: Sequence[MemoryRow]) -> RenderableType:
    """Resident bytes over a bare interpreter with NumPy, least first."""
    measured = sorted((r for r in rows if r.status == "measured"), key=lambda r: r.extra_rss_bytes)
    title = Text("Memory over a bare interpreter with NumPy", style="bold")
    if not measured:
        return spaced(title, *_gaps(rows))
    first = measured[0]
    title.append(
        f"\n{first.network}, {first.resolution} pixels, after load and {first.runs} runs; "
        f"bare is {format_bytes(first.bare_rss_bytes)}",
        style="",
    )
    columns = [
        Column("Engine"),
        Column("Resident", figures=True),
        Column("at its peak", figures=True),
        Column(""),
    ]
    lines = [
        (
            Text(row.engine, style="bold" if row.engine == OURS else ""),
            format_bytes(row.extra_rss_bytes),
            format_bytes(row.extra_peak_rss_bytes),
            "with torch" if row.torch_imported else "",
        )
        for row in measured
    ]
    return spaced(title, table(columns, lines), *_gaps(rows))


def compile_text(rows: Sequence[CompileRow]) -> RenderableType:
    """Seconds of `lithe.compile`, with an empty cache and from a filled one."""
    columns = [
        Column("lithe.compile"),
        Column("cold", figures=True),
        Column("cached", figures=True),
    ]
    lines = [
        (row.network, format_seconds(row.cold_s), format_seconds(row.cached_s))
        for row in rows
        if row.status == "measured"
    ]
    gaps = [Text(f"{row.network}: {row.status}: {row.reason}") for row in rows if row.reason]
    return spaced(*([table(columns, lines)] if lines else []), *gaps)


def _verdict(rows: Sequence[Row]) -> list[Text]:
    found = duel(rows)
    if found is None:
        return []
    return [Text(f"Fastest fp32 rival over lithe: {found.ratio:.2f} ({found.rival.engine})")]


def _gaps(rows: Sequence[Row] | Sequence[MemoryRow]) -> list[Text]:
    gaps = [f"{row.engine}: {row.status}: {row.reason}" for row in rows if row.reason]
    return [Text("\n".join(gaps))] if gaps else []


def _name(row: Row) -> str:
    """The engine, and its precision where it is not fp32."""
    return row.engine if is_fp32(row) else f"{row.engine} ({row.facts['precision']})"


def _ms(seconds: float) -> str:
    return _digits(seconds * 1e3)


def _digits(value: float) -> str:
    """Two decimals, none where three digits stand before them."""
    return f"{value:.2f}" if value < 99.995 else f"{value:.0f}"


def _pinned(cores: Sequence[int]) -> str:
    if not cores:
        return "; not pinned to cores"
    return f"; core{'s' if len(cores) > 1 else ''} {', '.join(map(str, cores))}"
