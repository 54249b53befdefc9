"""The README's tables of speed, memory and compile time, from `results/latency.json`."""

from collections.abc import Sequence
from typing import Any

import msgspec
from benchmarks.aims import Aim, aims_table

from lithe.bench.cells import Cell
from lithe.bench.compare import Duel, by_cell, duels, geometric_mean, is_fp32
from lithe.bench.engines import ENGINES, OURS
from lithe.bench.rows import Results, Row
from lithe.units import format_bytes

V1, V2 = "mobilenet_v1", "mobilenet_v2"
MUST_CELLS = tuple(Cell(network, 224, 1, threads) for network in (V2, V1) for threads in (1, 2))
WORST = 5
PLOT = "docs/latency.svg"  # as the README refers to it; `latency_plot` draws it


def latency(result: dict[str, Any]) -> str:
    """Everything between the markers: medians, aims, all cells in one figure, the worst."""
    results = msgspec.convert(result, Results)
    parts = [
        f"![Share of the FMA peak that each engine reaches]({PLOT})" if results.rows else "",
        _medians(results.rows),
        aims_table(aims(results)),
        _all_cells(duels(results.rows)),
        _memory(results),
        _conditions(results),
    ]
    return "\n\n".join(part for part in parts if part)


def aims(results: Results) -> tuple[Aim, ...]:
    """The promised figures beside the measured ones; None where a row is missing."""
    found = {duel.cell: duel for duel in duels(results.rows)}
    rest = [duel.ratio for cell, duel in found.items() if cell not in MUST_CELLS]
    rows = []
    for cell in MUST_CELLS:
        duel, least = found.get(cell), 1.2 if cell.network == V2 else 1.08
        what = f"{_short(cell)}: fastest fp32 rival's median over ours"
        rows.append(Aim(what, least, None, duel.ratio if duel else None, "x"))
    for network, least in ((V2, 0.78), (V1, 0.84)):
        duel = found.get(Cell(network, 224, 1, 1))
        share = duel.ours.share_of_peak if duel else None
        rows.append(
            Aim(f"{_NAMES[network]}, 1 thread: share of the FMA peak", least, None, share, "%")
        )
    rows.append(
        Aim(
            "every other cell: the same ratio, the worst",
            1 / 1.1,
            None,
            min(rest, default=None),
            "x",
        )
    )
    for network in (V2, V1):
        one, two = (found.get(Cell(network, 224, 1, threads)) for threads in (1, 2))
        times = one.ours.p50_s / two.ours.p50_s if one and two else None
        rows.append(Aim(f"{_NAMES[network]}: 2 threads over 1", 1.8, None, times, "x"))
    peak = found.get(MUST_CELLS[0])
    peak_bytes = peak.ours.facts.get("peak_activation_bytes") if peak else None
    rows.append(Aim("V2: peak activation bytes", None, 2.0e6, peak_bytes, "B"))
    extra = {row.engine: row.extra_rss_bytes for row in results.memory if row.status == "measured"}
    ort = extra.get("onnxruntime")
    share = extra[OURS] / ort if OURS in extra and ort else None
    rows.append(Aim("V2: extra resident memory over ONNX Runtime's", None, 0.5, share, "x"))
    compiled = {row.network: row for row in results.compile_time if row.status == "measured"}
    v2 = compiled.get(V2)
    rows.append(Aim("V2: compile, cold", None, 6.0, v2.cold_s if v2 else None, "s"))
    rows.append(Aim("V2: compile, from the cache", None, 0.3, v2.cached_s if v2 else None, "s"))
    return tuple(rows)


_NAMES = {V1: "V1", V2: "V2"}


def _short(cell: Cell) -> str:
    return f"{_NAMES[cell.network]}, {cell.threads} thread{'s' if cell.threads > 1 else ''}"


def _medians(rows: Sequence[Row]) -> str:
    """Median milliseconds and share of peak of every engine in the four cells that matter most."""
    cells = by_cell(rows)
    at = {(cell, row.engine): row for cell in MUST_CELLS for row in cells.get(cell, ())}
    head = " | ".join(_short(cell) for cell in MUST_CELLS)
    lines = [f"| 224 pixels, batch 1 | {head} |", "| --- |" + " --- |" * len(MUST_CELLS)]
    names = [name for name in ENGINES if any((cell, name) in at for cell in MUST_CELLS)]
    for name in sorted(names, key=lambda name: _first_median(at, name)):
        cellwise = " | ".join(_median(at.get((cell, name))) for cell in MUST_CELLS)
        row = next(at[cell, name] for cell in MUST_CELLS if (cell, name) in at)
        lines.append(f"| {_label(row)} | {cellwise} |")
    peaks = [
        f"{rows[0].peak_macs_per_s / 1e9:.0f}"
        for cell in MUST_CELLS
        if (rows := [r for r in cells.get(cell, ()) if r.status == "measured"])
    ]
    note = "Median milliseconds and share of the FMA peak, measured in the same rounds"
    return "\n".join([*lines, "", f"{note} ({', '.join(peaks)} GMAC/s)."])


def _first_median(at: dict[tuple[Cell, str], Row], name: str) -> float:
    medians = (at[cell, name].p50_s for cell in MUST_CELLS if (cell, name) in at)
    return next((median for median in medians if median), float("inf"))


def _label(row: Row) -> str:
    name = f"{row.engine} {row.version}"
    name = name if is_fp32(row) else f"{name}, {row.facts['precision']}"
    return f"**{name}**" if row.engine == OURS else name


def _median(row: Row | None) -> str:
    if row is None:
        return ""
    if row.status != "measured":
        return row.status
    return f"{row.p50_s * 1e3:.2f} ({row.share_of_peak:.0%})"


def _all_cells(found: Sequence[Duel]) -> str:
    """The geometric mean over all cells, and the cells in which we do worst, by name."""
    if not found:
        return ""
    ratios = [duel.ratio for duel in found]
    faster = sum(ratio > 1 for ratio in ratios)
    lines = [
        (
            f"Over all {len(found)} cells the fastest fp32 rival takes "
            f"{geometric_mean(ratios):.2f} times as long (geometric mean); "
            f"lithe is faster in {faster}. The worst cells:"
        ),
        "",
        "| cell | lithe | fastest rival | ratio |",
        "| --- | --- | --- | --- |",
    ]
    lines += [
        f"| {duel.cell.label} | {duel.ours.p50_s * 1e3:.2f} ms "
        f"| {duel.rival.engine} {duel.rival.p50_s * 1e3:.2f} ms | {duel.ratio:.2f} |"
        for duel in found[:WORST]
    ]
    return "\n".join(lines)


def _memory(results: Results) -> str:
    measured = [row for row in results.memory if row.status == "measured"]
    if not measured:
        return ""
    first = measured[0]
    lines = [
        f"| {first.network}, after load and {first.runs} runs | resident beyond NumPy | peak |",
        "| --- | --- | --- |",
    ]
    lines += [
        f"| {f'**{OURS}**' if row.engine == OURS else row.engine} "
        f"| {format_bytes(row.extra_rss_bytes)} | {format_bytes(row.extra_peak_rss_bytes)} |"
        for row in sorted(measured, key=lambda row: row.extra_rss_bytes)
    ]
    return "\n".join(lines)


def _conditions(results: Results) -> str:
    gaps = dict.fromkeys(
        f"{row.engine} is missing: {row.reason}" for row in results.rows if row.status == "missing"
    )
    c = results.conditions
    dates = sorted({row.date for row in results.rows if row.date})
    when = " to ".join(dict.fromkeys((dates[0], dates[-1]))) if dates else c["date"]
    return f"{c['cpu']}, Python {c['python']}, {when}." + "".join(f" {gap}." for gap in gaps)
