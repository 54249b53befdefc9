"""Made-up rows, for what is written and drawn from rows."""

from lithe.bench.cells import Cell
from lithe.bench.rows import CompileRow, MemoryRow, Row

PEAK_MACS_PER_S = 100e9


def row(cell: Cell, engine: str, p50_ms: float, precision: str = "f32") -> Row:
    """An engine that took that long for 200 M multiply-accumulates."""
    return Row(
        network=cell.network,
        resolution=cell.resolution,
        batch=cell.batch,
        threads=cell.threads,
        engine=engine,
        status="measured",
        version="1.0",
        macs=200_000_000,
        p20_s=p50_ms * 0.9e-3,
        p50_s=p50_ms * 1e-3,
        p80_s=p50_ms * 1.2e-3,
        runs=100,
        rounds=10,
        peak_macs_per_s=PEAK_MACS_PER_S * cell.threads,
        gmacs_per_s=0.2 / p50_ms * 1e3,
        share_of_peak=200e6 / (p50_ms * 1e-3) / (PEAK_MACS_PER_S * cell.threads),
        max_abs_error=1e-6,
        max_rel_error=2e-7,
        facts={"precision": precision, "peak_activation_bytes": 1_500_000},
        cores=(0, 1)[-cell.threads :],
        cpu="A CPU",
        date="2026-11-22",
    )


def missing(cell: Cell, engine: str, reason: str) -> Row:
    """A rival that is not installed."""
    return Row(
        network=cell.network,
        resolution=cell.resolution,
        batch=cell.batch,
        threads=cell.threads,
        engine=engine,
        status="missing",
        reason=reason,
        date="2026-11-22",
    )


def memory(engine: str, extra_bytes: int) -> MemoryRow:
    """An engine that keeps that much."""
    return MemoryRow(
        network="mobilenet_v2",
        resolution=224,
        threads=1,
        engine=engine,
        status="measured",
        runs=100,
        extra_rss_bytes=extra_bytes,
        extra_peak_rss_bytes=extra_bytes + 1_000_000,
        bare_rss_bytes=30_000_000,
        torch_imported=engine == "torch",
    )


def compiled(cold_s: float, cached_s: float) -> CompileRow:
    """V2, compiled in that time."""
    return CompileRow("mobilenet_v2", 224, 1, "measured", runs=3, cold_s=cold_s, cached_s=cached_s)
