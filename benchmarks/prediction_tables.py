"""The tables of predicted latencies: how far they were off, and how quickly they are had."""

from collections.abc import Mapping
from typing import Any

from benchmarks.aims import Aim, aims_table

Row = Mapping[str, Any]


def prediction(result: Mapping[str, Any]) -> str:
    """A line for each number of threads, and what was promised."""
    rows = result["rows"]
    tables = [row for row in rows if row["what"] == "table"]
    names = "threads", "networks in the table", "random networks", "median", "9 of 10", "worst"
    heads = (*names, "left out: median", "worst")
    lines = [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
    for row in tables:
        errors = ("median", "p90", "worst", "left_out_median", "left_out_worst")
        cells = [str(row[key]) for key in ("threads", "networks", "checked")]
        cells += [f"{row[key]:.1%}" for key in errors]
        lines.append(f"| {' | '.join(cells)} |")
    (pricing,) = (row for row in rows if row["what"] == "pricing")
    aims = [
        Aim(
            f"{row['checked']} random networks, {row['threads']} "
            f"thread{'s' * (row['threads'] > 1)}, {name} error",
            None,
            most,
            row[key],
            "%",
        )
        for row in tables
        for name, key, most in (("median", "median", 0.05), ("worst", "worst", 0.15))
    ]
    aims.append(
        Aim(f"{pricing['candidates']:,} networks priced in", None, 60.0, pricing["seconds"], "s")
    )
    c = result["conditions"]
    return "\n".join(
        [
            *lines,
            "",
            _told(tables),
            "",
            aims_table(aims),
            "",
            f"{c['cpu']}, torch {c['versions']['torch']}, Python {c['python']}, {c['date']}.",
        ]
    )


def _told(tables: list[Row]) -> str:
    disturbed = sum(row["disturbed"] for row in tables)
    checked = sum(row["checked"] for row in tables)
    return (
        "Errors are shares of the measured time. The random networks are points of the design "
        "space for images of 224 pixels, at random widths; each was predicted before it was "
        "compiled. Left out: the table's own networks, each predicted from the others. Other "
        f"work slowed the machine down while {disturbed} of the {checked} were measured."
    )
