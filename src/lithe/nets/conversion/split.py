"""Weights of standard layers as products of smaller ones: singular value decompositions.

All work is done in float64. The error of a split is relative: the Frobenius norm of what is
lost over that of the kernel.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.floating[Any]]]
_SMALL = 512  # rows or columns up to which all singular values are computed


@dataclass(frozen=True, slots=True)
class Separable:
    """W[o, i] ~ sum over j of pointwise[o, i, j] * depthwise[i, j].

    `depthwise` is (c_in, r, k_h, k_w), `pointwise` (c_out, c_in, r).
    """

    depthwise: Floats
    pointwise: Floats


@dataclass(frozen=True, slots=True)
class LowRank:
    """W[o] ~ sum over j of mixing[o, j] * filters[j].

    `filters` is (r, c_in, k_h, k_w), or (r, c_in) of a linear layer, `mixing` (c_out, r).
    """

    filters: Floats
    mixing: Floats


def separable(weight: Floats, r: int) -> Separable:
    """The nearest kernel of r depthwise filters per input channel.

    What an input channel i adds to all outputs is a matrix of c_out rows and k_h * k_w
    columns. Its best approximation of rank r in the Frobenius norm is its truncated singular
    value decomposition (Eckart and Young, 1936): right vectors are depthwise filters, left
    ones columns of the pointwise convolution. Channels do not meet in it, so the whole is the
    best as well, and exact where every such matrix has a rank of r at most.

    `weight` is (c_out, c_in, k_h, k_w), without groups; r is 1 to min(c_out, k_h * k_w).

    >>> column, row = np.array([1.0, 2.0, 1.0]), np.array([1.0, 0.0, -1.0])
    >>> sobel = np.outer(column, row).reshape(1, 1, 3, 3)
    >>> split = separable(sobel * np.array([2.0, -3.0]).reshape(2, 1, 1, 1), r=1)
    >>> bool(np.allclose(kernel_of(split)[1, 0], -3 * sobel[0, 0]))
    True
    """
    c_out, c_in, k_h, k_w = weight.shape
    # (c_in, c_out, k_h * k_w): one matrix for each input channel
    matrices = np.asarray(weight, np.float64).transpose(1, 0, 2, 3).reshape(c_in, c_out, k_h * k_w)
    left, values, right = np.linalg.svd(matrices, full_matrices=False)
    # Each side gets the root of a value, so that a step of training moves both alike.
    root = np.sqrt(values[:, :r])
    depthwise = (root[:, :, None] * right[:, :r]).reshape(c_in, r, k_h, k_w)
    pointwise = (left[:, :, :r] * root[:, None, :]).transpose(1, 0, 2)
    return Separable(depthwise, pointwise)


def low_rank(weight: Floats, r: int) -> LowRank:
    """The nearest kernel of r filters over all input channels, mixed to c_out.

    The truncated singular value decomposition of the kernel as a matrix of c_out rows. For a
    pointwise convolution that is a pair of pointwise ones.

    `weight` is (c_out, c_in, k_h, k_w) without groups, or (c_out, c_in); r is 1 to
    min(c_out, c_in * k_h * k_w).
    """
    c_out, *rest = weight.shape
    matrix = np.asarray(weight, np.float64).reshape(c_out, -1)
    left, values, right = _decomposed(matrix, r)
    root = np.sqrt(values)
    return LowRank((root[:, None] * right).reshape(r, *rest), left * root)


def _decomposed(matrix: Floats, r: int) -> tuple[Floats, Floats, Floats]:
    """The r largest singular values, left vectors as columns, right ones as rows.

    Of a large matrix by way of the eigenvectors of its square on the shorter side, which is
    several times quicker. Values below 1e-7 of the largest drown in rounding there and are
    taken for zero; fp32 weights know no better.
    """
    if min(matrix.shape) <= _SMALL:
        left, values, right = np.linalg.svd(matrix, full_matrices=False)
        return left[:, :r], values[:r], right[:r]
    if matrix.shape[0] > matrix.shape[1]:
        right, values, left = _decomposed(matrix.T, r)
        return left.T, values, right.T
    squares, left = np.linalg.eigh(matrix @ matrix.T)
    largest = slice(-1, -r - 1, -1)
    values, left = np.sqrt(squares[largest].clip(0)), left[:, largest]
    values = np.where(values > 1e-7 * values[0], values, 0.0)
    right = left.T @ matrix / np.where(values > 0, values, np.inf)[:, None]
    return left, values, right


def kernel_of(split: Separable | LowRank) -> Floats:
    """The one kernel (c_out, c_in, k_h, k_w) that a split stands for."""
    if isinstance(split, LowRank):
        product: Floats = np.tensordot(split.mixing, split.filters, axes=1)
        return product
    kernel: Floats = np.einsum("oij,ijhw->oihw", split.pointwise, split.depthwise)
    return kernel


def error(weight: Floats, split: Separable | LowRank) -> float:
    """The Frobenius norm of what a split loses, over that of the kernel; 0 for a zero kernel."""
    exact = np.asarray(weight, np.float64)
    norm = float(np.linalg.norm(exact))
    return float(np.linalg.norm(exact - kernel_of(split))) / norm if norm else 0.0
