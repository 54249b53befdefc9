"""The README's table of the three dimensions, from the rows of `dimensions.py`."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.aims import Aim, aims_table

from lithe.units import format_bytes, format_count, format_seconds

Row = Mapping[str, Any]
# Networks whose steps have to add up to the whole, and how far off they may be.
ADD_UP = ("mobilenet_v1", "mobilenet_v2", "torchvision:resnet18")
OFF = 0.1
COUNT_S = {"mobilenet": 2.0, "other": 10.0}
COMMAND_S = {"import lithe": 0.2, "lithe --help": 0.4}


def dimensions(result: Mapping[str, Any]) -> str:
    """A line per network at one thread, then the promised figures."""
    rows: Sequence[Row] = result["rows"]
    c = result["conditions"]
    lines = [
        "| network | MACs | moved | peak, layers | peak, engine | engine | eager | ratio | bound |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        *(_line(row) for row in rows if row.get("threads") == 1),
    ]
    note = (
        "One image, one thread, float32: multiply-accumulates, bytes moved layer by layer, peak "
        "live bytes layer by layer and in the engine's plan, median latency in lithe's engine and "
        "in eager PyTorch, and the share of the machine's bound that the engine reaches."
    )
    conditions = (
        f"{c['cpu']}, torch {c['versions']['torch']}, timm {c['versions']['timm']}, "
        f"Python {c['python']}, {c['date']}."
    )
    return "\n".join([*lines, "", note, "", aims_table(aims(rows)), "", conditions])


def aims(rows: Sequence[Row]) -> tuple[Aim, ...]:
    """What a profile promises of itself."""
    return (*_sums(rows), *_seconds(rows))


def _sums(rows: Sequence[Row]) -> list[Aim]:
    found = []
    for name in ADD_UP:
        for threads in (1, 2):
            for runtime in ("lithe", "eager"):
                run = _latency(rows, name, threads, runtime)
                off = abs(run["steps_s"] / run["p50_s"] - 1) if run else None
                what = f"{name}, {threads} thread{'s' * (threads > 1)}, {runtime}: steps off whole"
                found.append(Aim(what, None, OFF, off, "%"))
    return found


def _seconds(rows: Sequence[Row]) -> list[Aim]:
    found = []
    for row in rows:
        if "counted" in row:
            most = COUNT_S["mobilenet" if "mobilenet" in row["counted"] else "other"]
            found.append(Aim(f"{row['counted']}: counted in", None, most, row["seconds"], "s"))
        if "command" in row:
            most = COMMAND_S[row["command"]]
            found.append(Aim(f"`{row['command']}`", None, most, row["seconds"], "s"))
    return found


def _latency(rows: Sequence[Row], network: str, threads: int, runtime: str) -> Row | None:
    for row in rows:
        if row.get("network") == network and row["threads"] == threads:
            return _run(row, runtime)
    return None


def _run(row: Row, runtime: str) -> Row | None:
    return next((run for run in row["latencies"] if run["runtime"] == runtime), None)


def _line(row: Row) -> str:
    totals = row["totals"]
    peaks = {use["way"]: use["peak_bytes"] for use in row["memory"]}
    engine, eager = _run(row, "lithe"), _run(row, "eager")
    ratio = f"{eager['p50_s'] / engine['p50_s']:.1f}" if engine and eager else ""
    bound = f"{engine['bound_s'] / engine['p50_s']:.0%}" if engine and engine["bound_s"] else ""
    cells = (
        row["network"].removeprefix("timm:").removeprefix("torchvision:"),
        format_count(totals["macs"]),
        format_bytes(totals["moved_bytes"]),
        format_bytes(peaks["layers"]),
        format_bytes(peaks["lithe"]) if "lithe" in peaks else "",
        format_seconds(engine["p50_s"]) if engine else "",
        format_seconds(eager["p50_s"]) if eager else "",
        ratio,
        bound,
    )
    return f"| {' | '.join(cells)} |"
