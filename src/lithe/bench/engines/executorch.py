"""XNNPACK, through ExecuTorch's delegate for it."""

from pathlib import Path

import numpy as np
import torch
from executorch.extension.pybindings import portable_lib

from lithe.bench.engines import Case, Loaded


def xnnpack(case: Case) -> Loaded:
    """The program of the cell; its pool takes every core unless it is told how many."""
    portable_lib._unsafe_reset_threadpool(case.threads)
    folder = Path(case.folder)
    program = portable_lib._load_for_executorch(str(folder / "model.pte"))
    x = torch.from_numpy(np.load(folder / "input.npy"))
    return Loaded(
        lambda: program.forward((x,)), lambda: program.forward((x,))[0].numpy().copy(), {}
    )
