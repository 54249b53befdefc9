"""Networks side by side as JSON values and as CSV."""

import csv
import io
from typing import Any

from lithe.cost import by_kind
from lithe.profiling import Profile
from lithe.profiling.side_by_side import Refused, SideBySide
from lithe.report.orders import Reversal, reversals
from lithe.report.quantities import QUANTITIES
from lithe.units import format_shape

FORMAT = 1  # of these values


def compare_values(compared: SideBySide) -> dict[str, Any]:
    """Every network in the order in which it was asked for, and where orders disagree.

    Seconds, bytes and joules; None where something is not known. `times` are multiples of
    the network `to`; `at_least` says that counts are lower bounds. See docs/compare.md.
    """
    return {
        "format": FORMAT,
        "to": compared.base.name,
        "networks": [
            _refused(row) if isinstance(row, Refused) else _network(row, compared.base)
            for row in compared.rows
        ],
        "disagreements": [_disagreement(each) for each in reversals(compared.profiles)],
    }


def _refused(row: Refused) -> dict[str, Any]:
    return {"name": row.name, "refused": row.reason}


def _network(profile: Profile, base: Profile) -> dict[str, Any]:
    return {
        "name": profile.name,
        "input_shape": list(profile.input_shape),
        "flops": profile.flops,
        **{each.key: each.of(profile) for each in QUANTITIES},
        "times": {each.key: each.ratio(profile, base) for each in QUANTITIES},
        "latencies": {
            run.runtime: {
                "p20_s": run.total.p20_s,
                "p50_s": run.total.p50_s,
                "p80_s": run.total.p80_s,
                "runs": run.total.runs,
                "warm_up": run.warm_up,
                "threads": run.total.threads,
            }
            for run in profile.latencies
        },
        "by_kind": {
            kind: {"macs": macs, "params": params}
            for kind, (macs, params) in by_kind(profile.layers).items()
        },
        "at_least": bool(profile.unknown),
        "unknown": list(profile.unknown),
        "energy_source": next((each.source for each in profile.energy if each.estimate), None),
        "notes": list(profile.notes),
    }


def _disagreement(found: Reversal) -> dict[str, Any]:
    return {
        "first": found.first.key,
        "second": found.second.key,
        "less": found.less.name,
        "more": found.more.name,
        "first_times": found.first.ratio(found.less, found.more),
        "second_times": found.second.ratio(found.less, found.more),
        "pairs": found.pairs,
    }


def compare_csv(compared: SideBySide) -> str:
    """A heading and one line per network; a cell is empty where something is not known."""
    keys = [each.key for each in QUANTITIES]
    runtimes = [each.runtime for each in QUANTITIES if each.runtime]
    spreads = [f"{runtime}_{share}_s" for runtime in runtimes for share in ("p20", "p80")]
    times = [f"{key}_times" for key in keys]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    head = ["network", "input_shape", *keys, *spreads, *times, "at_least", "refused"]
    writer.writerow(head)
    for row in compared.rows:
        if isinstance(row, Refused):
            writer.writerow([row.name, *[""] * (len(head) - 2), row.reason])
        else:
            writer.writerow(_cells(row, compared.base))
    return text.getvalue()


def _cells(profile: Profile, base: Profile) -> list[Any]:
    spreads: list[float | None] = []
    for each in QUANTITIES:
        if each.runtime:
            run = profile.latency(each.runtime)
            spreads += [run.total.p20_s, run.total.p80_s] if run else [None, None]
    return [
        profile.name,
        format_shape(profile.input_shape),
        *(each.of(profile) for each in QUANTITIES),
        *spreads,
        *(each.ratio(profile, base) for each in QUANTITIES),
        "yes" if profile.unknown else "no",
        "",
    ]
