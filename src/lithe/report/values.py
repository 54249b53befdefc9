"""The numbers of the terminal tables as JSON values and as CSV."""

import csv
import io
from collections.abc import Sequence
from typing import Any

import msgspec

from lithe.cost import LayerCost, by_kind
from lithe.profiling import Profile
from lithe.report.paper_table import PaperTable
from lithe.report.step_groups import Sort

_CSV_FIELDS = (
    "path", "kind", "op", "in_shape", "out_shape",
    "macs", "params", "activation_bytes", "live_bytes",
)  # fmt: skip


def sorted_layers(profile: Profile, sort: Sort | None) -> tuple[LayerCost, ...]:
    """The layers in order of processing, or the most costly first."""
    if sort is None:
        return profile.layers
    field = {"macs": "macs", "params": "params", "memory": "live_bytes"}[sort]
    return tuple(sorted(profile.layers, key=lambda layer: -int(getattr(layer, field))))


def shape_text(shape: Sequence[int]) -> str:
    """Sizes with an x between them: 1x3x224x224."""
    return "x".join(map(str, shape))


def paper_values(printed: PaperTable, profile: Profile) -> dict[str, Any]:
    """The same table and numbers as JSON values; bytes at fp32, batch 1."""
    return {
        "name": printed.arch.label,
        "notation": printed.notation,
        "columns": list(printed.columns),
        "rows": [
            {
                "cells": dict(zip(printed.columns, row.cells, strict=True)),
                "repeats": row.repeats,
                "fold": row.fold,
                "removed_stride": row.removed_stride,
                "macs": row.macs,
                "params": row.params,
                "activation_bytes": row.activation_bytes,
                "live_bytes": row.live_bytes,
            }
            for row in printed.rows
        ],
        "totals": totals_values(profile),
        "notes": list(printed.notes),
        "architecture": msgspec.to_builtins(printed.arch),
    }


def totals_values(profile: Profile) -> dict[str, Any]:
    """The totals as JSON values; where `unknown` is not empty they are lower bounds."""
    return {
        "macs": profile.macs,
        "flops": profile.flops,
        "params": profile.params,
        "param_bytes": profile.param_bytes,
        "peak_activation_bytes": profile.peak_activation_bytes,
        "peak_layer": profile.peak_layer,
        "unknown": list(profile.unknown),
    }


def profile_values(profile: Profile, sort: Sort | None = None) -> dict[str, Any]:
    """Totals, sums by kind and every layer as JSON values."""
    return {
        "name": profile.name,
        "input_shape": list(profile.input_shape),
        "totals": totals_values(profile),
        "by_kind": {
            kind: {"macs": macs, "params": params}
            for kind, (macs, params) in by_kind(profile.layers).items()
        },
        "layers": [
            {name: getattr(layer, name) for name in _CSV_FIELDS}
            for layer in sorted_layers(profile, sort)
        ],
    }


def profile_csv(profile: Profile, sort: Sort | None = None) -> str:
    """A heading and one line per layer; shapes are written 1x3x224x224."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_CSV_FIELDS)
    for layer in sorted_layers(profile, sort):
        values = (getattr(layer, name) for name in _CSV_FIELDS)
        writer.writerow(
            shape_text(value) if isinstance(value, tuple) else value for value in values
        )
    return text.getvalue()
