"""Profile all of timm and torchvision's classification networks without weights.

    python -m benchmarks.coverage             # 1 to 2 hours
    python -m benchmarks.coverage resnet vgg  # these families again; the rest stays as it was

A row: what was counted, beside the total of `torch.utils.flop_counter`; the operators without
a rule; what failed; and how long the static profile took. Seconds are processor time, since
a busy machine would be measured otherwise; the profile uses one thread.
"""

import sys
import time
from itertools import groupby
from typing import Any

import torch
from benchmarks.conditions import write
from benchmarks.counters import torch_flops
from benchmarks.mixing import Mixing
from benchmarks.tables import result
from benchmarks.zoo import Entry, build, entries

from lithe.errors import LitheError
from lithe.profiling import static_profile


def row(entry: Entry) -> dict[str, Any]:
    """One network, profiled for one image of its own resolution."""
    found: dict[str, Any] = {"name": entry.name, "family": entry.family}
    network, shape = build(entry)
    with Mixing() as mixing:
        found["torch_flops"] = torch_flops(network, torch.empty(shape, device="meta"))
    found |= {"convolutional": mixing.is_convolutional, "input": shape}
    start = time.process_time()
    try:
        profiled = static_profile(network, shape)
    except LitheError as error:
        return found | {"failure": str(error)}
    return found | {
        "seconds": round(time.process_time() - start, 2),
        "macs": profiled.macs,
        "params": profiled.params,
        "unknown": list(profiled.unknown),
    }


def main(families: list[str]) -> None:
    """Measure the families, or all, and replace their rows, one family after the other."""
    chosen = [entry for entry in entries() if not families or entry.family in families]
    missing = set(families) - {entry.family for entry in chosen}
    if missing:
        sys.exit(f"no such family: {', '.join(sorted(missing))}")
    row(chosen[0])  # what is imported on first use is no part of a row
    for family, members in groupby(chosen, key=lambda entry: entry.family):
        measured = []
        for entry in members:
            measured.append(row(entry))
            said = measured[-1].get("failure") or ", ".join(measured[-1]["unknown"])
            print(family, entry.name, said, flush=True)
        rows = [r for r in (result("coverage") or {"rows": []})["rows"] if r["family"] != family]
        write("coverage", sorted([*rows, *measured], key=lambda r: r["family"]), line_each=True)


if __name__ == "__main__":
    main(sys.argv[1:])
