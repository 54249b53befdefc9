"""The memory that a network really takes: a process of its own loads and runs it.

The process imports what the runtime needs, and only then is its memory read for the first
time; so neither the interpreter nor a library is charged to the network. What loading needs
for a while (the weights as they came, beside those packed for the engine) is given back before
the runs, whose peak counts.
"""

import json
import os
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, Union

from lithe.errors import LitheError
from lithe.graph.model import Model
from lithe.profiling.values import Resident
from lithe.resident import STATUS
from lithe.runtimes import RuntimeName

if TYPE_CHECKING:
    from torch import Tensor

    from lithe.profiling.eager_program import EagerProgram

Loadable = Union[Model, "tuple[EagerProgram, tuple[Tensor, ...]]"]

RUNS = 10
LONGEST_S = 120.0


def resident(
    runtime: RuntimeName, network: "Loadable", threads: int, planned_bytes: int
) -> Resident:
    """Load a simplified model in the engine, or calls in eager PyTorch, and run it 10 times.

    Calls come with the inputs that they run on.

    Raises:
        LitheError: a system without /proc, or the process failed; says how it ended.
    """
    if not STATUS.exists():
        raise LitheError(f"resident memory is read from {STATUS}, which this system lacks")
    counts = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    process = subprocess.Popen(
        [sys.executable, "-m", "lithe.profiling.resident_worker", runtime, str(threads), str(RUNS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | counts,
    )
    try:
        # Pickle is only read by a process of our own, from a pipe that nobody else has.
        said, failed = process.communicate(pickle.dumps(network), LONGEST_S)
    except subprocess.TimeoutExpired:
        raise LitheError(f"resident memory: no answer in {LONGEST_S:g} s") from None
    finally:
        process.kill()
        process.wait()
    if process.returncode:
        lines = failed.decode(errors="replace").strip().splitlines() or ["no word"]
        raise LitheError(f"resident memory: the process ended after: {lines[-1]}")
    return Resident(runtime, json.loads(said)["grown_bytes"], planned_bytes)
