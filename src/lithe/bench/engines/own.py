"""This engine."""

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from lithe.bench.engines import Case, Loaded
from lithe.engine.compile import compile as compile_network


def compiled(case: Case) -> Loaded:
    """`lithe.compile` of a module, as a user with a torch network calls it."""
    from lithe.bench.engines.pytorch import module

    model, example = module(case)
    started = time.perf_counter()
    fast = compile_network(model, example, threads=case.threads)
    return _loaded(case, fast, time.perf_counter() - started)


def from_file(case: Case) -> Loaded:
    """`lithe.compile` of a model file, which needs no torch."""
    started = time.perf_counter()
    path = Path(case.folder) / "model.safetensors"
    fast = compile_network(str(path), threads=case.threads)
    return _loaded(case, fast, time.perf_counter() - started)


def _loaded(case: Case, fast: Any, compile_s: float) -> Loaded:
    x = np.load(Path(case.folder) / "input.npy")
    return Loaded(
        lambda: fast(x),
        lambda: np.array(fast(x)),
        {
            "compile_s": compile_s,
            "peak_activation_bytes": fast.peak_activation_bytes,
            "torch_imported": "torch" in sys.modules,
        },
    )
