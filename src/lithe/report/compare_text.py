"""Networks side by side on a terminal: what they cost, then in multiples of one of them."""

from collections.abc import Sequence
from typing import Literal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from lithe.profiling import Profile
from lithe.profiling.side_by_side import SideBySide
from lithe.report.orders import orders_text
from lithe.report.quantities import FORMAT, Quantity, known, times
from lithe.report.terminal import WIDE, Column, facts, spaced, table, tail
from lithe.report.words import threads_text
from lithe.runtimes import WORDS, RuntimeName
from lithe.units import format_shape


def compare_text(compared: SideBySide, width: int = 80) -> RenderableType:
    """Counts, latencies, both in multiples of the base, then where their orders disagree."""
    profiles, base = compared.profiles, compared.base
    quantities = known(profiles)
    counted = tuple(each for each in quantities if each.runtime is None)
    timed = tuple(each for each in quantities if each.runtime)
    parts: list[RenderableType] = [_title(compared), _counts(profiles, counted, width)]
    if timed:
        how = (Text(how_measured(profiles, each.runtime)) for each in timed if each.runtime)
        parts.append(Group(_latencies(profiles, timed, width), *how))
    if len(profiles) > 1:
        heading = Text.assemble("in multiples of ", (base.name, "bold"))
        parts.append(Group(heading, _ratios(profiles, base, quantities, width)))
        if sentences := orders_text(profiles):
            parts.append(Group(*map(Text, sentences)))
    if compared.refused:
        refused = facts((each.name, each.reason) for each in compared.refused)
        parts.append(Group(Text("not compared", style="bold"), refused))
    return spaced(*parts, Group(*(Text(note) for note in notes(profiles))))


def notes(profiles: tuple[Profile, ...]) -> tuple[str, ...]:
    """What has to be known to read the numbers: units, what is missing, and why."""
    lines = ["1 MAC = 2 FLOPs. Bytes at fp32. Peaks hold input and output."]
    if any(use.way == "lithe" for profile in profiles for use in profile.memory):
        lines.append("Peak layers: one layer after the other. Peak engine: lithe's fused plan.")
    unknown = [profile for profile in profiles if profile.unknown]
    if unknown:
        lines.append("≥: at least, for there are operators without a rule:")
        lines += [f"  {profile.name}: {', '.join(profile.unknown)}" for profile in unknown]
    sources = {each.source for p in profiles for each in p.energy if each.estimate}
    lines += [
        f"Energy is an estimate from operations and bytes: {each}." for each in sorted(sources)
    ]
    lines += [f"{profile.name}: {note}" for profile in profiles for note in profile.notes]
    return tuple(lines)


def how_measured(profiles: tuple[Profile, ...], runtime: RuntimeName) -> str:
    """How the latencies of one runtime came about, in one line."""
    runs = [run for profile in profiles if (run := profile.latency(runtime))]
    threads = sorted({run.total.threads for run in runs})
    least, most = min(run.total.runs for run in runs), max(run.total.runs for run in runs)
    return (
        f"{WORDS[runtime]}, {' or '.join(map(str, threads[:-1]))}{' or ' if threads[1:] else ''}"
        f"{threads_text(threads[-1])}: "
        f"median of {least if least == most else f'{least} to {most}'} runs, in turns"
    )


def _title(compared: SideBySide) -> Text:
    profiles = compared.profiles
    count = "1 network" if len(profiles) == 1 else f"{len(profiles)} networks"
    shape = "inputs differ" if _differ(profiles) else f"input {_input(profiles[0])}"
    return Text.assemble((count, "bold"), f", {shape}")


def _counts(profiles: Sequence[Profile], quantities: Sequence[Quantity], width: int) -> Table:
    """Exact MACs and parameters where there is room, inputs where they differ."""
    exact = ("macs", "params") if width >= WIDE else ()
    columns = ["Input"] if _differ(profiles) else []
    for each in quantities:
        columns += [each.heading, "exactly"] if each.key in exact else [each.heading]
    rows = []
    for profile in profiles:
        cells = [_input(profile)] if _differ(profiles) else []
        for each in quantities:
            cells.append(each.text(profile))
            if each.key in exact:
                cells.append(f"{each.of(profile):,}")
        rows.append(cells)
    return _named(profiles, columns, rows, width)


def _latencies(profiles: Sequence[Profile], quantities: Sequence[Quantity], width: int) -> Table:
    columns = [name for each in quantities for name in (each.heading, "p20 to p80")]
    rows = [
        [cell for each in quantities for cell in (each.text(profile), spread(each, profile))]
        for profile in profiles
    ]
    return _named(profiles, columns, rows, width)


def spread(quantity: Quantity, profile: Profile) -> str:
    """From the 20th to the 80th percentile of a latency, the unit once where both share it."""
    run = profile.latency(quantity.runtime) if quantity.runtime else None
    if run is None:
        return "-"
    low, high = (FORMAT["seconds"](each) for each in (run.total.p20_s, run.total.p80_s))
    if low.split()[-1] == high.split()[-1]:
        low = low.split()[0]
    return f"{low} to {high}"


def _ratios(
    profiles: Sequence[Profile], base: Profile, quantities: Sequence[Quantity], width: int
) -> Table:
    rows = [[times(each.ratio(profile, base)) for each in quantities] for profile in profiles]
    return _named(profiles, [each.heading for each in quantities], rows, width)


def _named(
    profiles: Sequence[Profile],
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int,
) -> Table:
    """Figures beside the networks' names, which get what the figures leave of a narrow screen."""
    figures = sum(
        max(map(len, (*name.split("\n"), *(row[index] for row in rows))))
        for index, name in enumerate(columns)
    )
    longest = max(len(profile.name) for profile in profiles)
    gap: Literal[1, 2] = 2 if longest + figures + 2 * len(columns) <= width else 1
    left = max(width - figures - gap * len(columns), 8)
    return table(
        [Column("Network", cut=True), *(Column(name, figures=True) for name in columns)],
        [(tail(p.name, left), *row) for p, row in zip(profiles, rows, strict=True)],
        gap,
    )


def _differ(profiles: Sequence[Profile]) -> bool:
    return len({profile.input_shape for profile in profiles}) > 1


def _input(profile: Profile) -> str:
    return format_shape(profile.input_shape)
