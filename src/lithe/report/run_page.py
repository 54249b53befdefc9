"""The page of a run: what was asked, what was chosen, how it learned, where it errs."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from lithe.report import words
from lithe.report.offline_page import joined, offline_page
from lithe.report.plots import OF_A_FRONT, STATUS_TEXT, plot_values
from lithe.report.rows import CandidateRow, EpochRow, ExampleRow, RunRows

STYLES = ("run.css",)
SCRIPTS = ("ticks.js", "candidates.js", "curves.js", "confusion.js", "copy.js", "run.js")
EXAMPLE_BYTES = 500_000  # of PNG in one page, which with plotly.js stays below 6 MB
MOST_CONFUSED = 8

# The shapes of the scatter for the key beside it, on a square from -10 to 10.
_SHAPES = {
    "winner": '<path d="M0-10 3-4 10-3 5 2 6 8 0 5-6 8-5 2-10-3-3-4Z"/>',
    "raced": '<circle r="6" stroke="none"/>',
    OF_A_FRONT: '<circle r="6" stroke="none"/>',
    "too slow": '<path d="M0 6-6-5 6-5Z"/>',
    "fits": '<circle r="5" fill="none" stroke-width="3"/>',
    "over budget": '<path d="M-5-5 5 5M-5 5 5-5" stroke-width="4"/>',
}


def run_page(rows: RunRows) -> str:
    """The HTML of one run with its images.

    Names from outside (classes, files, the title) are shown as text wherever they stand.
    """
    savings = words.savings(rows)
    plots = plot_values(rows)
    return offline_page(
        "run.html",
        title=rows.title,
        styles=STYLES,
        scripts=SCRIPTS,
        data=plots,
        values={
            "rows": rows,
            "plots": plots,
            "result": joined(words.result(rows)),
            "savings": savings,
            "dimensions": words.DIMENSIONS,
            "costs_more": {one.dimension.key for one in savings if one.verdict == "more"},
            "shapes": tuple(
                (status, Markup(shape))
                for status, shape in _SHAPES.items()
                if any(row.status == status for row in rows.candidates)
            ),
            "status_text": STATUS_TEXT,
            "candidates": _ordered(rows.candidates),
            "candidates_text": _candidates_text(rows),
            "history_text": _history_text(rows.history),
            "held_out": words.held_out(rows),
            "confused": most_confused(rows),
            "per_class": _per_class(rows),
            "example_groups": _example_groups(rows.examples),
            "timed_in": words.timed_in,
            "limit_name": words.limit_name,
            "verdict": words.verdict,
            "prediction": words.prediction(rows),
            "slow_machine": words.slow_machine(rows),
            "attempts_text": _attempts_text(rows),
        },
    )


def _ordered(candidates: Sequence[CandidateRow]) -> list[CandidateRow]:
    """The most accurate first, then what was not raced, then what breaks the budget."""
    return sorted(
        candidates,
        key=lambda row: (-(row.accuracy or 0), row.status == "over budget", row.network.macs),
    )


def _candidates_text(rows: RunRows) -> str:
    candidates = rows.candidates
    over = sum(row.status == "over budget" for row in candidates)
    if any(name == "Front" for name, _ in rows.facts):
        one = len(candidates) == 1
        networks = "The one network" if one else f"The {len(candidates)} networks"
        return (
            f"{networks} of a front, {'' if one else 'each '}trained in full before. The most "
            "accurate one within the budget was taken, and measured again."
        )
    raced = sum(row.accuracy is not None for row in candidates)
    considered = (
        f"{len(candidates)} networks were considered"
        + (f", {over} of them over budget" if over else "")
        + ". "
    )
    late = any(row.status == "too slow" for row in candidates)
    if not raced:
        return considered + "None was trained to compare them."
    return considered + (
        f"{raced} raced: trained briefly and compared on images kept aside from training. "
        f"The best{' that was quick enough' if late else ''} was then trained in full."
    )


def _attempts_text(rows: RunRows) -> str:
    late = [row for row in rows.attempts if not row.holds]
    if not late:
        return ""
    networks = "1 network was" if len(late) == 1 else f"{len(late)} networks were"
    return (
        f"{networks} compiled, timed and found too slow: four runs in five have to be "
        "within the limit. The search went on until one held."
    )


def _history_text(history: Sequence[EpochRow]) -> str:
    if not history:
        return ""
    best = max(history, key=lambda row: row.val_accuracy)
    seconds = words.quantity(sum(row.seconds for row in history), "seconds")
    epochs = "1 epoch" if len(history) == 1 else f"{len(history)} epochs"
    last = words.percent(history[-1].val_accuracy)
    at_best = f", {words.percent(best.val_accuracy)} at best (epoch {best.epoch})"
    return joined(
        f"{epochs} in {seconds}. The accuracy on held-out images was {last} in the end"
        f"{at_best if best.val_accuracy > history[-1].val_accuracy else ''}."
    )


@dataclass(frozen=True, slots=True)
class Confused:
    """Images of one class that were called another, of all that the class has."""

    truth: str
    called: str
    count: int
    of: int


def most_confused(rows: RunRows) -> tuple[Confused, ...]:
    """The most frequent mistakes, by number of images."""
    found = [
        Confused(rows.classes[i], rows.classes[j], count, sum(row))
        for i, row in enumerate(rows.confusion)
        for j, count in enumerate(row)
        if count and i != j
    ]
    return tuple(sorted(found, key=lambda pair: (-pair.count, pair.of)))[:MOST_CONFUSED]


def _per_class(rows: RunRows) -> list[dict[str, Any]]:
    return [
        {"name": name, "images": sum(row), "right": row[i]}
        for i, (name, row) in enumerate(zip(rows.classes, rows.confusion, strict=True))
    ]


def _example_groups(
    examples: Sequence[ExampleRow],
) -> list[tuple[str, str, list[dict[str, Any]], int]]:
    wrong = [row for row in examples if row.truth != row.predicted]
    right = [row for row in examples if row.truth == row.predicted]
    groups = []
    for title, kind, group in (("Wrong", "wrong", wrong), ("Right", "right", right)):
        shown, used = [], 0
        for row in group:
            used += len(row.png)
            if used > EXAMPLE_BYTES // 2:
                break
            shown.append({"row": row, "data": base64.b64encode(row.png).decode()})
        groups.append((title, kind, shown, len(group) - len(shown)))
    return groups
