"""The tables of conversions: what every step is worth, and what is gained in time."""

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

from benchmarks.aims import Aim, aims_table

from lithe.units import format_bytes, format_count, format_seconds

Row = Mapping[str, Any]
ORIGINAL, SCRATCH, BEST = "original", "from scratch", "carried, refitted, distilled"
# Of the original, and of every student.
EPOCHS = {"torchvision:resnet18": (20, 10), "torchvision:vgg11_bn": (20, 5)}
METHODS = (
    ORIGINAL,
    SCRATCH,
    "from scratch, distilled",
    "carried",
    "carried, refitted",
    BEST,
)


def conversion(result: Mapping[str, Any]) -> str:
    """A line for each network, data set and method: means over seeds, before and after training."""
    rows: Sequence[Row] = result["rows"]
    lines = [
        "| network | images | student | seeds | before training | after | of each seed |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    groups = _groups(rows)
    for (network, data), members in groups.items():
        for method in METHODS:
            of = [row for row in members if row["method"] == method]
            if not of:
                continue
            steps = [row.get("before_training", {}) for row in of]
            before = [list(each.values())[-1] for each in steps if each]
            each = ", ".join(f"{row['accuracy']:.1%}" for row in of)
            start = f"{mean(before):.1%}" if before else ""
            after = f"{mean(row['accuracy'] for row in of):.1%}"
            cells = [network, data, method, str(len(of)), start, after, each]
            lines.append(f"| {' | '.join(cells)} |")
    aims = []
    for (network, data), members in groups.items():
        lost = _mean(members, ORIGINAL) - _mean(members, BEST)
        won = _mean(members, BEST) - _mean(members, SCRATCH)
        aims += [
            Aim(f"{network}, {data}: points lost by conversion", None, 1.0, 100 * lost),
            Aim(f"{network}, {data}: points above the same from scratch", 0.0, None, 100 * won),
        ]
    c = result["conditions"]
    where, epochs = rows[0]["trained_on"], EPOCHS[rows[0]["network"]]
    note = (
        "Accuracy on held-out images, mean over the seeds. All standard convolutions but the first "
        "became separable, with one filter per channel, and linear layers but the last have an "
        "eighth of their rank; every student has this structure. The original was trained for "
        f"{epochs[0]} epochs, each student for {epochs[1]}."
    )
    left = [row for row in rows if row["method"] == BEST and _as_fitted(row)]
    if left:
        note += (
            f" {len(left)} of the {len([row for row in rows if row['method'] == BEST])} distilled "
            "students are as least squares left them: training did harm on images set apart."
        )
    trained = (
        f"Trained on {where}, torch {c['versions']['torch']}, Python {c['python']}, {c['date']}."
    )
    return "\n".join([*lines, "", note, "", aims_table(aims), "", trained])


def _as_fitted(row: Row) -> bool:
    """Whether a training was left out or undone."""
    if "losses" not in row:
        return False
    losses = row["losses"]
    return losses is None or losses[1] > losses[0]


def conversion_times(result: Mapping[str, Any]) -> str:
    """A line for each network and number of threads: costs before and after."""
    rows: Sequence[Row] = result["rows"]
    lines = [
        "| network | pixels | threads | MACs | params | peak, layers | engine | eager |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    aims = []
    for network, side, threads in dict.fromkeys(map(_timed, rows)):
        pair = {row["method"]: row for row in rows if _timed(row) == (network, side, threads)}
        before, after = pair["original"], pair["converted"]
        cells = [network, str(side), str(threads)]
        cells += [_both(before, after, key, format_count) for key in ("macs", "params")]
        cells.append(_both(before, after, "peak", format_bytes))
        cells += [
            _both(before["latency_s"], after["latency_s"], runtime, format_seconds)
            for runtime in ("lithe", "eager")
        ]
        lines.append(f"| {' | '.join(cells)} |")
        of = f"{network} at {side} pixels"
        said = f"{of}, {threads} thread{'s' * (threads > 1)}"
        times = before["latency_s"]["lithe"] / after["latency_s"]["lithe"]
        if threads == 1:
            macs = before["macs"] / after["macs"]
            aims.append(Aim(f"{of}: times fewer MACs", 5.0, None, macs))
        aims.append(Aim(f"{said}: times less time in the engine", 2.0, None, times))
    c = result["conditions"]
    machine = f"{c['cpu']} with {rows[0]['isa']}"
    where = f"{machine}, torch {c['versions']['torch']}, Python {c['python']}, {c['date']}."
    return "\n".join([*lines, "", "One image.", "", aims_table(aims), "", where])


def _timed(row: Row) -> tuple[str, int, int]:
    return row["network"], row["side"], row["threads"]


def _both(before: Row, after: Row, key: str, text: Any) -> str:
    return f"{text(before[key])} -> {text(after[key])}"


def _groups(rows: Sequence[Row]) -> dict[tuple[str, str], list[Row]]:
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["network"], row["data"]), []).append(row)
    return groups


def _mean(rows: Sequence[Row], method: str) -> float:
    return mean(float(row["accuracy"]) for row in rows if row["method"] == method)
