"""The page of a front: accuracy against what it costs, to choose a network from."""

from math import sqrt
from typing import Any

from lithe.arch.rows import shortened
from lithe.report import words
from lithe.report.front_rows import FrontRow, FrontRows
from lithe.report.offline_page import joined, offline_page
from lithe.report.plots import LIMIT_OF, STATUS_TEXT
from lithe.report.rows import CandidateRow
from lithe.report.words import DIMENSIONS, percent, quantity

STYLES = ("front.css",)
SCRIPTS = ("ticks.js", "front.js", "sorting.js", "copy.js", "front_page.js")
FIRST_AXES = ("latency", "macs", "memory", "params")
_UNITS = {"count": "", "bytes": "B", "seconds": "s"}


def front_page(rows: FrontRows) -> str:
    """The HTML of one front; one file, about 5 MB, that opens offline.

    Names from outside are shown as text wherever they stand.
    """
    data = page_values(rows)
    return offline_page(
        "front.html",
        title=rows.title,
        styles=STYLES,
        scripts=SCRIPTS,
        data=data,
        values={
            "rows": rows,
            "dimensions": DIMENSIONS,
            "result": joined(result(rows)),
            "uncertain": [joined(_uncertain(row.accuracy, rows.held_out)) for row in rows.points],
            "timed_in": words.timed_in,
            "tried": _ordered(rows.tried),
            "tried_text": tried_text(rows),
            "status_text": STATUS_TEXT | {"winner": "trained in full"},
        },
    )


def page_values(rows: FrontRows) -> dict[str, Any]:
    """What the scripts read: axes with their limits, and the points."""
    limits = {limit.name: limit for limit in rows.limits}
    axes = []
    for dimension in sorted(DIMENSIONS, key=lambda d: FIRST_AXES.index(d.key)):
        if all(dimension.of(row.network) is None for row in rows.points):
            continue
        limit = limits.get(LIMIT_OF[dimension.key])
        axes.append(
            {
                "key": dimension.key,
                "name": dimension.name,
                "title": dimension.title,
                "unit": _UNITS[dimension.unit],
                "limit": limit.asked if limit else None,
                "limit_text": joined(quantity(limit.asked, limit.unit)) if limit else "",
            }
        )
    families = list(dict.fromkeys(row.family for row in rows.points))
    best = max(range(len(rows.points)), key=lambda i: rows.points[i].accuracy, default=0)
    return {
        "axes": axes,
        "families": families,
        "first": best,
        "points": [
            {
                "name": shortened(row.network.label),
                "family": families.index(row.family),
                "accuracy": row.accuracy,
                "error": standard_error(row.accuracy, rows.held_out),
                "dominated": row.dominated,
                "cost": {d.key: d.of(row.network) for d in DIMENSIONS},
                "lines": _lines(row, rows.held_out),
            }
            for row in rows.points
        ],
    }


def standard_error(accuracy: float, images: int) -> float:
    """How far such a share is usually off, measured on so many images.

    >>> round(standard_error(0.9, 360), 4)
    0.0158
    """
    return sqrt(accuracy * (1 - accuracy) / images) if images else 0.0


def result(rows: FrontRows) -> str:
    """The front in one sentence or two."""
    kept = [row for row in rows.points if not row.dominated]
    least = min(kept, key=lambda row: row.accuracy)
    most = max(kept, key=lambda row: row.accuracy)
    count = "1 network" if len(kept) == 1 else f"{len(kept)} networks"
    if len(kept) == 1:
        return f"{count}: {_offer(most)}."
    return f"{count} to choose from: from {_offer(least)} to {_offer(most)}."


def _offer(row: FrontRow) -> str:
    network = row.network
    cost = (
        f"{quantity(network.macs, 'count')} MACs"
        if network.latency_s is None
        else f"{quantity(network.latency_s, 'seconds')} an image"
    )
    return f"{percent(row.accuracy)} right at {cost}"


def _uncertain(accuracy: float, images: int) -> str:
    return f"± {100 * standard_error(accuracy, images):.1f}"


def _lines(row: FrontRow, images: int) -> list[str]:
    lines = [f"Accuracy: {percent(row.accuracy)} {_uncertain(row.accuracy, images)}"]
    lines += [f"{d.name}: {quantity(d.of(row.network), d.unit)}" for d in DIMENSIONS]
    if row.dominated:
        lines.append("another one is better in everything")
    return list(map(joined, lines))


def tried_text(rows: FrontRows) -> str:
    """What the search looked at, in words."""
    raced = sum(row.accuracy is not None for row in rows.tried)
    over = sum(row.status == "over budget" for row in rows.tried)
    return (
        f"{len(rows.tried)} networks were considered"
        + (f", {over} of them over budget" if over else "")
        + f". {raced} were trained briefly and judged on images kept aside from training, "
        f"{len(rows.points)} then in full, from the start. Accuracies of a short training and "
        "of a full one cannot be compared."
    )


def _ordered(tried: tuple[CandidateRow, ...]) -> list[CandidateRow]:
    return sorted(tried, key=lambda row: (-(row.accuracy or 0), row.network.macs))
