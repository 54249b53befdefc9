"""Latencies predicted before anything is compiled, against the same networks measured after.

A table of its own is filled for each number of threads as `lithe device --latency-table` does,
with donors; then random candidates of the design space, none of them a donor, are predicted,
compiled and timed. Ten thousand more are priced, to see how long that takes. Nothing else may
run on the machine.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.conditions import write

from lithe.engine.target import instruction_set
from lithe.latency_table.check import Checked, check, summary
from lithe.latency_table.predictors import MachinePredictor, runs_on
from lithe.latency_table.store import open_table
from lithe.progress import Progress
from lithe.search.price import static_prices
from lithe.search.space import random_tables

SIDE, COUNT, PRICED, SEED = 224, 200, 10_000, 2026


def checked_row(each: Checked, threads: int) -> dict[str, Any]:
    return {
        "what": "network",
        "threads": threads,
        "label": each.arch.label,
        "predicted_s": each.predicted_s,
        "measured_s": each.measured_s,
        "looked_up": each.looked_up,
        "disturbed": each.disturbed,
    }


def main() -> None:
    rows: list[dict[str, Any]] = []
    progress, isa = Progress(), instruction_set(None)
    with tempfile.TemporaryDirectory() as folder:
        for threads in (1, 2):
            table = open_table(Path(folder) / f"{threads}.sqlite")
            began = time.perf_counter()
            predictor = MachinePredictor(threads, table=table, progress=progress).at(threads)
            filled_s = time.perf_counter() - began
            networks, left_out = len(predictor.networks), predictor.error
            assert left_out is not None
            if threads == 1:
                many = random_tables(SIDE, PRICED, SEED + 1)
                began = time.perf_counter()
                static_prices(many)
                predictor(many)
                priced_s = time.perf_counter() - began
                rows.append({"what": "pricing", "candidates": PRICED, "seconds": priced_s})
            some = random_tables(SIDE, COUNT, SEED, runs_on(threads))
            found = check(predictor, some, isa, table, progress=progress)
            error = summary(found)
            rows.append(
                {
                    "what": "table",
                    "threads": threads,
                    "networks": networks,
                    "filled_s": filled_s,
                    "left_out_median": left_out.median,
                    "left_out_worst": left_out.worst,
                    "checked": error.networks,
                    "median": error.median,
                    "p90": error.p90,
                    "worst": error.worst,
                    "disturbed": sum(each.disturbed for each in found),
                    "isa": isa.name,
                }
            )
            print(rows[-1], file=sys.stderr)
            rows += [checked_row(each, threads) for each in found]
            write("prediction", rows, line_each=True)


if __name__ == "__main__":
    main()
