"""Splits are the best there are, and lose what the small singular values say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lithe.nets.conversion import split

SHAPES = st.tuples(
    st.integers(1, 9), st.integers(1, 6), st.sampled_from([1, 2, 3, 5]), st.sampled_from([1, 2, 3])
)
SEEDS = st.integers(0, 2**32 - 1)
quick = settings(max_examples=40, deadline=None)


def kernel(shape: tuple[int, ...], seed: int) -> split.Floats:
    return np.random.default_rng(seed).normal(size=shape)


def tail(matrices: split.Floats, r: int) -> float:
    """The root of the sum of squares of all but r singular values, over that of all."""
    values = np.linalg.svd(matrices, compute_uv=False)
    return float(np.sqrt((values[..., r:] ** 2).sum() / (values**2).sum()))


@given(shape=SHAPES, seed=SEEDS)
@quick
def test_what_a_separable_split_loses_is_the_tail_of_the_singular_values(
    shape: tuple[int, ...], seed: int
) -> None:
    weight = kernel(shape, seed)
    c_out, c_in, *_ = shape
    matrices = weight.reshape(c_out, c_in, -1).transpose(1, 0, 2)
    most = min(matrices.shape[1:])
    errors = [split.error(weight, split.separable(weight, r)) for r in range(1, most + 1)]
    assert errors == pytest.approx([tail(matrices, r) for r in range(1, most + 1)], abs=1e-12)
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-12


@given(shape=SHAPES, seed=SEEDS)
@quick
def test_what_a_low_rank_split_loses_is_the_tail_of_the_singular_values(
    shape: tuple[int, ...], seed: int
) -> None:
    weight = kernel(shape, seed)
    matrix = weight.reshape(shape[0], -1)
    most = min(matrix.shape)
    errors = [split.error(weight, split.low_rank(weight, r)) for r in range(1, most + 1)]
    assert errors == pytest.approx([tail(matrix, r) for r in range(1, most + 1)], abs=1e-12)
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-12


@given(shape=SHAPES, seed=SEEDS, r=st.integers(1, 4), near=st.sampled_from([0.0, 1e-3, 0.1, 1.0]))
@quick
def test_no_other_split_of_the_same_size_is_nearer(
    shape: tuple[int, ...], seed: int, r: int, near: float
) -> None:
    """Competitors are random, or the split itself moved a little, with the best mixing for it."""
    weight, random = kernel(shape, seed), np.random.default_rng(seed + 1)
    c_out, c_in, *window = shape
    r = min(r, c_out, window[0] * window[1])
    best = split.separable(weight, r)
    filters = near * random.normal(size=best.depthwise.shape) + (near < 1) * best.depthwise
    mixing = np.zeros_like(best.pointwise)
    for i in range(c_in):
        flat = filters[i].reshape(r, -1).T
        mixing[:, i] = np.linalg.lstsq(flat, weight[:, i].reshape(c_out, -1).T, rcond=None)[0].T
    competitor = split.Separable(filters, mixing)
    assert split.error(weight, best) <= split.error(weight, competitor) + 1e-12

    least = split.low_rank(weight, r)
    filters = near * random.normal(size=least.filters.shape) + (near < 1) * least.filters
    mixing = np.linalg.lstsq(filters.reshape(r, -1).T, weight.reshape(c_out, -1).T, rcond=None)[0].T
    other = split.LowRank(filters, mixing)
    assert split.error(weight, least) <= split.error(weight, other) + 1e-12


@pytest.mark.parametrize("shape", [(20, 30), (30, 20), (24, 3, 3, 3)])
@pytest.mark.parametrize("rank", [0, 3, 20])
def test_large_matrices_are_split_as_small_ones(
    shape: tuple[int, ...], rank: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(0)
    rows, *rest = shape
    pieces = random.normal(size=(rank, *rest))
    weight = np.tensordot(random.normal(size=(rows, rank)), pieces, axes=1)
    expected = [split.low_rank(weight, r) for r in (1, 5)]
    monkeypatch.setattr(split, "_SMALL", 2)
    for r, by_values in zip((1, 5), expected, strict=True):
        by_squares = split.low_rank(weight, r)
        assert split.kernel_of(by_squares) == pytest.approx(split.kernel_of(by_values), abs=1e-9)
        assert by_squares.filters.shape == (r, *rest)


def test_both_sides_of_a_split_are_of_the_same_size() -> None:
    """A step of training moves both alike."""
    found = split.separable(kernel((8, 3, 3, 3), 0), 2)
    for i in range(3):
        for j in range(2):
            sides = found.depthwise[i, j], found.pointwise[:, i, j]
            assert np.linalg.norm(sides[0]) == pytest.approx(np.linalg.norm(sides[1]))
    low = split.low_rank(kernel((8, 3, 3, 3), 0), 2)
    for j in range(2):
        assert np.linalg.norm(low.filters[j]) == pytest.approx(np.linalg.norm(low.mixing[:, j]))


def test_a_kernel_of_zeros_is_split_into_zeros() -> None:
    zero = np.zeros((4, 3, 3, 3))
    assert split.error(zero, split.separable(zero, 1)) == 0
    assert split.error(zero, split.low_rank(zero, 1)) == 0
    one = split.separable(np.ones_like(zero), 1)
    assert split.error(zero, one) == 0  # there is nothing to be relative to


def test_an_error_by_hand() -> None:
    """A kernel of two pixels, (3, 0) and (0, 4) for its outputs: of rank 2, the 4 is kept."""
    weight = np.array([[[[3.0, 0.0]]], [[[0.0, 4.0]]]])
    found = split.separable(weight, 1)
    assert split.kernel_of(found) == pytest.approx(np.array([[[[0.0, 0.0]]], [[[0.0, 4.0]]]]))
    assert split.error(weight, found) == pytest.approx(3 / 5)
    assert found.depthwise.shape == (1, 1, 1, 2)
    assert found.pointwise.shape == (2, 1, 1)


def test_float16_is_worked_out_in_float64() -> None:
    weight = kernel((6, 4, 3, 3), 3).astype(np.float16)
    assert split.error(weight, split.separable(weight, 6)) < 1e-12
