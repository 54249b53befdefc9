"""Whether logits are right: held against PyTorch in float64."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lithe.errors import LitheError


@dataclass(frozen=True, slots=True)
class Errors:
    """The largest difference of any logit, and the same over the largest logit."""

    max_abs: float
    max_rel: float


def errors_of(logits: Path, expected: Path, tolerance: float) -> Errors:
    """How far logits (n, classes) are from the expected ones.

    Raises:
        LitheError: another shape, values that are not finite, or more than `tolerance` of the
            largest logit; such an engine is not timed.
    """
    ours, right = np.load(logits), np.load(expected)
    if ours.shape != right.shape:
        raise LitheError(f"its logits have the shape {ours.shape}, PyTorch's {right.shape}")
    if not np.isfinite(ours).all():
        raise LitheError(f"{(~np.isfinite(ours)).sum()} of its {ours.size} logits are not finite")
    max_abs = float(np.abs(ours - right).max())
    max_rel = max_abs / float(np.abs(right).max())
    if max_rel > tolerance:
        raise LitheError(
            f"its logits are {max_rel:.2g} of the largest away from float64, "
            f"more than {tolerance:g}"
        )
    return Errors(max_abs, max_rel)
