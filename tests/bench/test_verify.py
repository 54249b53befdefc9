"""An engine with other logits is not timed."""

from pathlib import Path

import numpy as np
import pytest

from lithe.bench.verify import errors_of
from lithe.errors import LitheError

RIGHT = np.array([[1.0, -4.0, 2.0]])


def _held(logits: np.ndarray, folder: Path) -> tuple[float, float]:
    np.save(folder / "logits.npy", logits.astype(np.float32))
    np.save(folder / "expected.npy", RIGHT)
    errors = errors_of(folder / "logits.npy", folder / "expected.npy", tolerance=1e-2)
    return errors.max_abs, errors.max_rel


def test_errors_are_over_the_largest_logit(tmp_path: Path) -> None:
    assert _held(RIGHT, tmp_path) == (0.0, 0.0)
    assert _held(RIGHT + np.array([[0, 0, 0.03125]]), tmp_path) == (0.03125, 0.03125 / 4)


@pytest.mark.parametrize(
    ("logits", "says"),
    [
        (RIGHT[:, ::-1], "away from float64"),
        (RIGHT + 0.05, "more than 0.01"),
        (RIGHT[:, :2], r"shape \(1, 2\)"),
        (RIGHT * [[1, np.nan, 1]], "1 of its 3 logits are not finite"),
        (RIGHT * [[1, 1, np.inf]], "not finite"),
    ],
)
def test_wrong_logits_are_refused(logits: np.ndarray, says: str, tmp_path: Path) -> None:
    with pytest.raises(LitheError, match=says):
        _held(logits, tmp_path)
