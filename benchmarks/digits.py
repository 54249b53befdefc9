"""`lithe fit digits --max-macs 2M` as a user runs it, with three seeds."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.conditions import write


def main() -> None:
    rows = []
    for seed in (0, 1, 2):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "run"
            command = ["fit", "digits", "--max-macs", "2M", "--seed", str(seed), "--out", str(out)]
            started = time.monotonic()
            done = subprocess.run(
                [sys.executable, "-m", "lithe", *command, "--json"],
                stdout=subprocess.PIPE,
                check=True,
            )
            seconds = time.monotonic() - started
        result = json.loads(done.stdout)
        rows.append({"seed": seed, "seconds": round(seconds, 1)} | result)
        print(seed, result["accuracy"], result["chosen"]["label"], round(seconds, 1))
    for row in rows:
        del row["model"], row["report"]
    write("digits", rows)


if __name__ == "__main__":
    main()
