"""One engine in a process of its own: `python -m lithe.bench.worker`.

It reads one JSON object per line from stdin and answers each with one line:

    {"do": "load", "case": {...}, "cores": [1]}     {"seconds": 0.4, "facts": {...}}
    {"do": "logits", "path": "logits.npy"}          {}
    {"do": "time", "warm_up": 2, "fewest": 5,       {"seconds": [0.0041, ...]}
     "budget_s": 0.05}
    {"do": "memory", "runs": 100}                   {"rss_bytes": ..., "peak_rss_bytes": ...}

A failure is answered with {"error": "..."}. Between lines it sleeps. It holds nothing but
NumPy and the engine, because `memory` measures this process.
"""

import gc
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any, TextIO

import numpy as np

from lithe.bench.engines import Case, Loaded, load
from lithe.resident import resident_bytes

Command = dict[str, Any]


def serve(commands: TextIO, answers: TextIO) -> None:
    """Answer every command until the other side closes."""
    loaded: Loaded | None = None
    for line in commands:
        command = json.loads(line)
        try:
            if command["do"] == "load":
                started = time.perf_counter()
                loaded = _load(command)
                answer = {"seconds": time.perf_counter() - started, "facts": loaded.facts}
            else:
                assert loaded is not None, "nothing is loaded yet"
                answer = ANSWERS[command["do"]](loaded, command)
        except Exception as error:
            # Whatever a library raises: the parent makes a row of it, the log holds the rest.
            traceback.print_exc()
            said = str(error).strip().splitlines() or ["no word"]
            answer = {"error": f"{type(error).__name__}: {said[0]}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _load(command: Command) -> Loaded:
    if command["cores"]:
        os.sched_setaffinity(0, command["cores"])  # before a library counts its cores
    return load(Case(**command["case"]))


def _logits(loaded: Loaded, command: Command) -> Command:
    np.save(command["path"], loaded.logits())
    return {}


def _time(loaded: Loaded, command: Command) -> Command:
    """Runs one after the other: a few to warm up, then as long as the budget lasts.

    Runs so slow that `fewest` of them last ten budgets are cut off there.
    """
    budget_s, fewest = command["budget_s"], command["fewest"]
    seconds: list[float] = []
    gc.disable()
    try:
        for _ in range(command["warm_up"]):
            if _seconds(loaded.run) > budget_s:
                break
        spent = 0.0
        while spent < budget_s or (len(seconds) < fewest and spent < 10 * budget_s):
            seconds.append(_seconds(loaded.run))
            spent += seconds[-1]
    finally:
        gc.enable()
    return {"seconds": seconds}


def _seconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def _memory(loaded: Loaded, command: Command) -> Command:
    for _ in range(command["runs"]):
        loaded.run()
    gc.collect()
    now, peak = resident_bytes()
    return {"rss_bytes": now, "peak_rss_bytes": peak, "torch_imported": "torch" in sys.modules}


ANSWERS: dict[str, Callable[[Loaded, Command], Command]] = {
    "logits": _logits,
    "time": _time,
    "memory": _memory,
}


def _die_with_parent() -> None:
    """A worker that is stopped would outlive a parent that was killed."""
    if sys.platform == "linux":
        import ctypes
        import signal

        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


if __name__ == "__main__":
    _die_with_parent()
    # Libraries print to stdout, from C too: they get stderr, and answers a copy of stdout.
    kept = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    serve(sys.stdin, kept)
