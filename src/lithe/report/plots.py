"""The data behind the plots of the page, as JSON values; the page's scripts draw them."""

from collections.abc import Sequence
from math import isfinite
from typing import Any

from lithe.arch.rows import shortened
from lithe.report.rows import CandidateRow, EpochRow, RunRows
from lithe.report.words import DIMENSIONS, limit_name, percent, quantity

SHOWN_CLASSES = 120  # a map of more has cells too small to see: then those with most mistakes
FEWER_CLASSES = 60


def plot_values(rows: RunRows) -> dict[str, Any]:
    """Everything that the scripts read."""
    return {
        "candidates": _candidates(rows),
        "history": _history(rows.history),
        "confusion": confusion_values(rows.classes, rows.confusion),
    }


def _candidates(rows: RunRows) -> dict[str, Any]:
    limits = {_plain(limit.name): limit for limit in rows.limits}
    axes = []
    for dimension in DIMENSIONS:
        limit = limits.get(LIMIT_OF[dimension.key])
        axes.append(
            {
                "key": dimension.key,
                "title": dimension.title,
                "unit": {"count": "", "bytes": "B", "seconds": "s"}[dimension.unit],
                "limit": limit.asked if limit else None,
                "limit_text": quantity(limit.asked, limit.unit) if limit else "",
            }
        )
    return {
        "axes": axes,
        "families": families(rows.candidates),
        "accuracy": "Accuracy on held-out images"
        if any(row.status == OF_A_FRONT for row in rows.candidates)
        else "Accuracy in the race",
        "points": [_point(row) for row in rows.candidates],
    }


LIMIT_OF = {
    "macs": "max_macs",
    "memory": "max_activation_bytes",
    "latency": "max_latency_s",
    "params": "max_params",
}


def families(candidates: Sequence[CandidateRow]) -> list[str]:
    """The families in the order in which they first appear."""
    return list(dict.fromkeys(row.family for row in candidates))


def _plain(name: str) -> str:
    return name.lstrip("-").replace("-", "_")


def _point(row: CandidateRow) -> dict[str, Any]:
    return {
        "name": shortened(row.network.label),
        "family": row.family,
        "status": row.status,
        "accuracy": _finite(row.accuracy),
        "cost": {d.key: _positive(d.of(row.network)) for d in DIMENSIONS},
        "lines": candidate_lines(row),
    }


def candidate_lines(row: CandidateRow) -> list[str]:
    """What hovering a candidate says below its name."""
    lines = [f"{d.name}: {quantity(d.of(row.network), d.unit)}" for d in DIMENSIONS]
    accuracy = f", {percent(row.accuracy)}" if row.accuracy is not None else ""
    lines.append(STATUS_TEXT.get(row.status, row.status) + accuracy)
    if row.breaks:
        lines.append("over: " + ", ".join(map(limit_name, row.breaks)))
    return lines


# Trained in full before, for a front that this run's network was taken from.
OF_A_FRONT = "of a front"
STATUS_TEXT = {
    "winner": "chosen",
    "raced": "raced",
    "too slow": "too slow when timed",
    "fits": "fits, not raced",
    "over budget": "over budget",
    OF_A_FRONT: "of the front",
}


def _history(history: Sequence[EpochRow]) -> dict[str, list[float | None]]:
    return {
        "epoch": [row.epoch for row in history],
        "train_loss": [_finite(row.train_loss) for row in history],
        "val_loss": [_finite(row.val_loss) for row in history],
        "train_accuracy": [_finite(row.train_accuracy) for row in history],
        "val_accuracy": [_finite(row.val_accuracy) for row in history],
    }


def confusion_values(classes: Sequence[str], confusion: Sequence[Sequence[int]]) -> dict[str, Any]:
    """The cells that are not zero, as [true, called, images], and images per class.

    Of more than `SHOWN_CLASSES` classes only the `FEWER_CLASSES` with most mistakes, made
    or suffered, are kept, in their order.
    """
    totals = [sum(row) for row in confusion]
    kept = list(range(len(classes)))
    if len(classes) > SHOWN_CLASSES:
        wrong = [total - confusion[i][i] for i, total in enumerate(totals)]
        for row in confusion:
            for j, count in enumerate(row):
                wrong[j] += count
        for i in kept:
            wrong[i] -= confusion[i][i]
        kept = sorted(sorted(kept, key=lambda i: -wrong[i])[:FEWER_CLASSES])
    return {
        "classes": [classes[i] for i in kept],
        "totals": [totals[i] for i in kept],
        "cells": [
            [y, x, confusion[i][j]]
            for y, i in enumerate(kept)
            for x, j in enumerate(kept)
            if confusion[i][j]
        ],
    }


def _finite(value: float | None) -> float | None:
    # JSON has no word for a loss that has run away; the curve gets a gap.
    return value if value is not None and isfinite(value) else None


def _positive(value: float | None) -> float | None:
    # The axis of costs is logarithmic.
    return value if value is not None and isfinite(value) and value > 0 else None
