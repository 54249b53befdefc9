"""Share of the FMA peak, ours and rivals, as an SVG that is drawn here, bar by bar."""

from collections.abc import Sequence
from html import escape
from typing import Any

import msgspec
from benchmarks.latency_tables import MUST_CELLS

from lithe.bench.cells import Cell
from lithe.bench.compare import by_cell, is_fp32
from lithe.bench.engines import OURS
from lithe.bench.rows import Results, Row

PANEL_W, BAR_H, GAP, NAME_W, HEAD_H, MARGIN = 460, 16, 6, 140, 34, 20
BARS_W = PANEL_W - NAME_W - 120  # what names and figures leave
COLUMNS = 2

# A page that is dark shows the picture on dark: both sets of colours are in it.
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #24292f; }
.title { font-weight: 600; }
.ours { fill: #0b6bcb; }
.rival { fill: #aab4bf; }
.line { stroke: #8c959f; stroke-dasharray: 2 3; }
.bold { font-weight: 600; }
@media (prefers-color-scheme: dark) {
  text { fill: #d7dde3; } .ours { fill: #4f9ff0; } .rival { fill: #5b6570; }
}
"""


def latency_svg(result: dict[str, Any]) -> str:
    """Four panels, V2 and V1 on one and two threads, at 224 pixels and batch 1.

    The full width of a panel is the peak. Engines that chose another precision than fp32 are
    left out, since the peak is not theirs.
    """
    cells = by_cell(msgspec.convert(result, Results).rows)
    panels = [(cell, _bars(cells.get(cell, ()))) for cell in MUST_CELLS]
    most = max((len(bars) for _, bars in panels), default=0)
    height = HEAD_H + most * (BAR_H + GAP) + MARGIN
    rows = -(-len(panels) // COLUMNS)
    width_all, height_all = COLUMNS * PANEL_W + MARGIN, rows * height + MARGIN
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width_all} {height_all}" '
            f'width="{width_all}" height="{height_all}" role="img">'
        ),
        "<title>Share of the FMA peak that each engine reaches</title>",
        f"<style>{STYLE}</style>",
    ]
    for number, (cell, bars) in enumerate(panels):
        x, y = MARGIN + number % COLUMNS * PANEL_W, MARGIN + number // COLUMNS * height
        parts += [f'<g transform="translate({x} {y})">', *_panel(cell, bars), "</g>"]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _bars(rows: Sequence[Row]) -> list[Row]:
    measured = [row for row in rows if row.status == "measured" and is_fp32(row)]
    return sorted(measured, key=lambda row: row.p50_s)


def _panel(cell: Cell, bars: Sequence[Row]) -> list[str]:
    threads = "1 thread" if cell.threads == 1 else f"{cell.threads} threads"
    bottom = HEAD_H + len(bars) * (BAR_H + GAP)
    peak_x = NAME_W + BARS_W
    parts = [f'<text class="title" x="0" y="12">{escape(cell.network)}, {threads}</text>']
    if bars:
        peak = f"peak, {bars[0].peak_macs_per_s / 1e9:.0f} GMAC/s"
        parts += [
            f'<text x="{peak_x}" y="12" text-anchor="middle">{peak}</text>',
            f'<line class="line" x1="{peak_x}" x2="{peak_x}" y1="18" y2="{bottom}"/>',
        ]
    for number, row in enumerate(bars):
        y = HEAD_H - 8 + number * (BAR_H + GAP)
        ours = row.engine == OURS
        length = min(row.share_of_peak, 1.0) * BARS_W
        bold = ' class="bold"' if ours else ""
        parts += [
            (
                f'<text{bold} x="{NAME_W - 8}" y="{y + 12}" text-anchor="end">'
                f"{escape(row.engine)}</text>"
            ),
            (
                f'<rect class="{"ours" if ours else "rival"}" x="{NAME_W}" y="{y}" '
                f'width="{length:.1f}" height="{BAR_H}" rx="2"/>'
            ),
            (
                f'<text{bold} x="{peak_x + 8}" y="{y + 12}">'
                f"{row.share_of_peak:.0%}, {row.p50_s * 1e3:.2f} ms</text>"
            ),
        ]
    return parts
