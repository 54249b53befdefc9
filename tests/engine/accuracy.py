"""What "as accurate as PyTorch" means: the error against float64 beside eager's own."""

from collections.abc import Sequence

import numpy as np
import torch
from tests.graph.reference import evaluate

from lithe.graph import Model

# One rounding of the largest value in the result: below this an error says nothing.
FLOOR = {np.dtype(np.float32): 2.0**-23}


def assert_as_accurate(
    got: Sequence[np.ndarray], model: Model, inputs: Sequence[np.ndarray], factor: float = 2.0
) -> None:
    """Each output's error against float64 is at most `factor` times that of eager float32."""
    tensors = [torch.from_numpy(x) for x in inputs]
    exact = evaluate(model, *tensors, dtype=torch.float64)
    eager = evaluate(model, *tensors, dtype=torch.float32)
    for ours, true, theirs in zip(got, exact, eager, strict=True):
        truth = true.numpy()
        assert ours.shape == truth.shape
        floor = FLOOR[ours.dtype] * max(1.0, float(np.abs(truth).max(initial=0)))
        allowed = factor * float(np.abs(theirs.double().numpy() - truth).max(initial=0)) + floor
        error = float(np.abs(ours.astype(np.float64) - truth).max(initial=0))
        assert error <= allowed, f"error {error:.2e}, eager's {allowed / factor:.2e}"
