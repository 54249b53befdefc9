"""A paper's table on a terminal, with totals beneath it."""

from math import ceil

from rich.console import RenderableType
from rich.text import Text

from lithe.profiling import Profile
from lithe.report.paper_table import PaperRow, PaperTable
from lithe.report.profile_summary import totals
from lithe.report.terminal import Column, spaced, table
from lithe.units import format_bytes, format_count

_LONG = 40  # letters of a label, beyond which it has a line to itself


def paper_text(printed: PaperTable, profile: Profile) -> RenderableType:
    """Rows in the paper's notation with their cost, then the totals, in 80 columns."""
    arch = printed.arch
    apart = ",\n" if len(arch.label) > _LONG else ", "
    title = Text.assemble(
        (arch.label, "bold"),
        f"{apart}{arch.num_classes} classes, input {arch.resolution} x {arch.resolution}"
        f" x {arch.in_channels}\nin the notation of {printed.notation}",
    )
    v2 = "Operator" in printed.columns
    columns = [Column(name, figures=name in {"t", "c", "n", "s"}) for name in printed.columns]
    columns += [Column(name, figures=True) for name in ("MACs", "Params", "Activ.\nbytes")]
    # A row of table 2 is several layers; a row of table 1 is one, alive with what it reads.
    columns += [Column("Live\nbytes", figures=True)] if v2 else []
    rows = [
        (*_cells(printed.rows, index), *_figures(row)[: 4 if v2 else 3])
        for index, row in enumerate(printed.rows)
    ]
    notes = [Text(note) for note in (*_legend(printed, v2), *printed.notes)]
    return spaced(
        title,
        table(columns, rows, gap=1 if printed.later else 2),
        totals(profile),
        Text("\n").join(notes),
    )


def _cells(rows: tuple[PaperRow, ...], index: int) -> tuple[str, ...]:
    row = rows[index]
    first, *rest = row.cells
    if row.fold:
        mates = [i for i, other in enumerate(rows) if other.fold == row.fold]
        repeats = f"{row.repeats}x " if index == mates[0] else " " * len(f"{row.repeats}x ")
        first = repeats + ("| " if len(mates) > 1 else "") + first
    if row.removed_stride:
        # The stride is the last thing in the cell that holds it, in both notations.
        if first.endswith("s1"):
            first += "*"
        else:
            rest[-1] += "*"
    return first, *rest


def _figures(row: PaperRow) -> tuple[str, str, str, str]:
    if not row.activation_bytes:
        return "-", "-", "-", "-"
    return (
        format_count(row.macs),
        format_count(row.params),
        format_bytes(row.activation_bytes),
        format_bytes(row.live_bytes),
    )


def _legend(printed: PaperTable, v2: bool) -> list[str]:
    lines = ["Activ. bytes: the tensor that a row hands on (fp32, batch 1)."]
    if v2:
        lines.append("Live bytes: the most that is alive at once while the row runs.")
    folds = sorted({row.repeats for row in printed.rows if row.fold})
    if folds:
        times = " and ".join(f"{repeats}x" for repeats in folds)
        lines.append(f"Rows behind {times} repeat; MACs and params are of all repeats.")
    return lines + _removed_strides(printed)


def _removed_strides(printed: PaperTable) -> list[str]:
    arch = printed.arch
    taken = sorted({row.removed_stride for row in printed.rows if row.removed_stride})
    if not taken:
        return []
    h = arch.resolution
    for row in arch.rows:
        h = ceil(h / row.s)
    side, least = arch.resolution, arch.min_last_map
    strides = " or ".join(map(str, taken))
    return [
        f"* Stride {strides} in the table, 1 here: {side} x {side} pixels would end in {h} x {h},",
        f"  below the least map of {least} x {least}. --paper-strides keeps the table's strides.",
    ]
