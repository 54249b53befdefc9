"""What "as accurate as PyTorch" means: the error against float64 beside eager's own."""

from collections.abc import Sequence

import numpy as np
import torch
from tests.graph.reference import evaluate

from lithe.graph import Model

# Two roundings of the largest sum of magnitudes: below this an error says nothing, and in a
# result of a few numbers eager's own error may by chance be none at all.
FLOOR = {np.dtype(np.float32): 2.0**-23}


def assert_as_accurate(
    got: Sequence[np.ndarray], model: Model, inputs: Sequence[np.ndarray], factor: float = 2.0
) -> None:
    """Each output's error against float64 is at most `factor` times that of eager float32."""
    tensors = [torch.from_numpy(x) for x in inputs]
    exact = evaluate(model, *tensors, dtype=torch.float64)
    eager = evaluate(model, *tensors, dtype=torch.float32)
    magnitudes = evaluate(_magnitude(model), *(x.abs() for x in tensors), dtype=torch.float64)
    for ours, true, theirs, magnitude in zip(got, exact, eager, magnitudes, strict=True):
        truth = true.numpy()
        assert ours.shape == truth.shape
        floor = FLOOR[ours.dtype] * float(magnitude.abs().numpy().max(initial=0))
        allowed = factor * float(np.abs(theirs.double().numpy() - truth).max(initial=0)) + floor
        error = float(np.abs(ours.astype(np.float64) - truth).max(initial=0))
        assert error <= allowed, f"error {error:.2e}, eager's {allowed / factor:.2e}"


def _magnitude(model: Model) -> Model:
    """The same graph with the magnitudes of all weights."""
    return Model(model.graph, {name: np.abs(array) for name, array in model.values.items()})
