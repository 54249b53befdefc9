"""The numbers of a paper's table as JSON values."""

from typing import Any

import msgspec

from lithe.profiling import Profile
from lithe.report.paper_table import PaperTable
from lithe.report.profile_values import totals_values


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
