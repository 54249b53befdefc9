"""`lithe fit digits --max-macs 2M` as a user runs it, with three seeds, two runs at a time."""

import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.conditions import write


def fit(seed: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        command = ["fit", "digits", "--max-macs", "2M", "--seed", str(seed), "--out", folder]
        done = subprocess.run(
            [sys.executable, "-m", "lithe", *command, "--json"], stdout=subprocess.PIPE, check=True
        )
    row: dict[str, Any] = {"seed": seed} | json.loads(done.stdout)
    del row["model"], row["report"]
    # Two runs share the machine, so what they measured of time is not kept.
    for network in (row["chosen"], row["standard_twin"]):
        del network["latency_s"]
    print(seed, row["accuracy"], row["chosen"]["label"])
    return row


def main() -> None:
    with ThreadPoolExecutor(2) as pool:
        write("digits", list(pool.map(fit, (0, 1, 2))))


if __name__ == "__main__":
    main()
