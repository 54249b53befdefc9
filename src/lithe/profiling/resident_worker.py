"""The process behind `lithe.profiling.resident`: `python -m lithe.profiling.resident_worker`.

It is told runtime, threads and runs, reads the network from stdin and answers with one line
of JSON. It holds nothing but the runtime and the network, because it measures itself.
"""

import gc
import json
import os
import pickle
import sys
from collections.abc import Callable
from typing import Any

from lithe.engine.runtime import give_back
from lithe.resident import forget_peak, resident_bytes

Load = Callable[[Any], Callable[[], object]]


def grown_bytes(load: Load, runs: int) -> int:
    """How far the process grows by a network that it reads from stdin, loads and runs."""
    gc.collect()
    before = resident_bytes()[0]
    run = load(pickle.load(sys.stdin.buffer))
    gc.collect()
    give_back()
    forget_peak()  # where the system cannot, what loading took for a while counts too
    for _ in range(runs):
        run()
    return max(resident_bytes()[1] - before, 0)


def engine(threads: int) -> Load:
    """How lithe's engine loads a simplified model."""
    from lithe.engine.cache import Cache
    from lithe.engine.compile import compile_model
    from lithe.engine.target import instruction_set
    from lithe.profiling.engine_run import drawn

    def load(model: Any) -> Callable[[], object]:
        network = compile_model(model, instruction_set(), threads, Cache(None))
        inputs = drawn(network.input_shapes)
        return lambda: network(*inputs)

    return load


def eager(threads: int) -> Load:
    """How eager PyTorch runs calls; a small convolution first, for what torch loads then."""
    import torch

    from lithe.profiling.eager_program import EagerRunner

    torch.set_num_threads(threads)
    with torch.inference_mode():
        torch.conv2d(torch.ones(1, 8, 8, 8), torch.ones(8, 8, 3, 3))

    def load(program_and_inputs: Any) -> Callable[[], object]:
        program, inputs = program_and_inputs
        runner = EagerRunner(program)
        return lambda: runner.run(*inputs)

    return load


LOADS: dict[str, Callable[[int], Load]] = {"lithe": engine, "eager": eager}


if __name__ == "__main__":
    # What libraries print to stdout goes to stderr; the answer to a copy of stdout.
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    runtime, threads, runs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    json.dump({"grown_bytes": grown_bytes(LOADS[runtime](threads), runs)}, answer)
    answer.close()
