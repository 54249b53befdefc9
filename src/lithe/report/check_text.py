"""How far predicted latencies were from measured ones, for a terminal."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from lithe.latency_table.check import Checked, summary
from lithe.report.terminal import Column, table
from lithe.units import format_seconds

WORST = 5  # networks that are shown


def check_text(
    checked: Sequence[Checked], machine: str, threads: int, networks: int
) -> RenderableType:
    """The error in the middle and at its ends, and the networks that were farthest off."""
    error = summary(checked)
    disturbed = sum(each.disturbed for each in checked)
    told = (
        f"{error.networks} random networks predicted, then measured: {error.median:.1%} off in "
        f"the middle, nine of ten within {error.p90:.1%}, the worst {error.worst:.1%}"
    )
    on = f"{machine}, {threads} thread{'s' * (threads > 1)}"
    lines = [f"{on}; steps of {networks} networks were measured before", told]
    if disturbed:
        lines.append(f"other work slowed the machine down while {disturbed} were measured")
    farthest = sorted(checked, key=lambda each: -abs(each.error))[:WORST]
    rows = [
        (
            each.arch.short_label,
            format_seconds(each.predicted_s),
            format_seconds(each.measured_s),
            f"{each.error:+.1%}",
            f"{each.looked_up:.0%}",
        )
        for each in farthest
    ]
    columns = [
        Column("farthest off"),
        *(Column(name, figures=True) for name in ("predicted", "measured", "error", "looked up")),
    ]
    return Group(
        Text("Predicted and measured latency", style="bold"),
        Text("\n".join(lines)),
        table(columns, rows),
    )
