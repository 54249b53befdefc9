"""This engine and its rivals on the benchmark networks: time, memory, compile time.

Without options everything, which takes hours. Every cell is kept as soon as it is measured,
and one that is measured again replaces what was there, so the file can grow bit by bit:

    python -m benchmarks.latency --must
    python -m benchmarks.latency --networks resnet18 --batch 8 --threads 1 --against openvino
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace

import msgspec
from benchmarks.conditions import RESULTS

from lithe.bench.cells import NETWORKS, Cell, cells
from lithe.bench.compare import by_cell
from lithe.bench.compile_time import compile_times
from lithe.bench.engines import chosen
from lithe.bench.measure import measure
from lithe.bench.memory import memory_of
from lithe.bench.rounds import FULL
from lithe.bench.rows import Results, Row, conditions, read_results, write_results
from lithe.progress import Progress

FILE = RESULTS / "latency.json"
MUST = ("mobilenet_v1", "mobilenet_v2")
RESOLUTIONS, BATCHES, THREADS = (224, 96), (1, 8, 32), (1, 2)


def main() -> None:
    options = _options()
    networks = options.networks or (MUST if options.must else tuple(NETWORKS))
    asked = cells(
        networks,
        options.resolution or (RESOLUTIONS[:1] if options.must else RESOLUTIONS),
        options.batch or (BATCHES[:1] if options.must else BATCHES),
        options.threads or THREADS,
    )
    engines, progress = chosen(options.against), Progress()
    if "time" in options.parts:
        effort = replace(FULL, rounds=options.rounds) if options.rounds else FULL
        for rows in measure(asked, engines, effort, progress):
            _keep(msgspec.structs.replace(_before(), rows=merged(_before().rows, rows)))
    first = Cell("mobilenet_v2", 224, 1, 1)
    if "memory" in options.parts:
        found = memory_of(first, engines, progress)
        _keep(msgspec.structs.replace(_before(), memory=found))
    if "compile" in options.parts:
        timed = compile_times([replace(first, network=name) for name in MUST], progress)
        _keep(msgspec.structs.replace(_before(), compile_time=timed))


def merged(before: Sequence[Row], new: Sequence[Row]) -> tuple[Row, ...]:
    """The rows of a file after some cells were measured again.

    A cell is replaced as a whole: only rows of the same rounds can be compared.
    """
    again = by_cell(new)
    kept = by_cell(before) | again
    return tuple(row for rows in kept.values() for row in rows)


def _before() -> Results:
    return read_results(FILE) if FILE.exists() else Results({})


def _keep(results: Results) -> None:
    FILE.parent.mkdir(exist_ok=True)
    write_results(FILE, msgspec.structs.replace(results, conditions=conditions()))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", nargs="+", help=f"of {', '.join(NETWORKS)}")
    parser.add_argument("--must", action="store_true", help="V1 and V2 at 224 pixels, batch 1")
    parser.add_argument("--resolution", nargs="+", type=int)
    parser.add_argument("--batch", nargs="+", type=int)
    parser.add_argument("--threads", nargs="+", type=int)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--against", default="all")
    parser.add_argument(
        "--parts", nargs="+", choices=PARTS, default=PARTS, help="all of them by default"
    )
    return parser.parse_args()


PARTS = ("time", "memory", "compile")

if __name__ == "__main__":
    main()
