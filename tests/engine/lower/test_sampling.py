"""Pooling, averages, softmax and resizing against float64, on every instruction set."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.engine.lowered import ISAS, check, drawn, every_isa, few, one

from lithe.engine.isa import InstructionSet
from lithe.errors import LitheError
from lithe.graph.ops import (
    Activation,
    AdaptivePool2d,
    Fused,
    Mean,
    Op,
    Pool2d,
    Resize,
    Shape,
    Softmax,
)

isas = st.sampled_from(ISAS)
pairs = st.tuples(st.integers(1, 9), st.integers(1, 9))
images = st.tuples(st.integers(1, 2), st.integers(1, 130), st.integers(1, 13), st.integers(1, 13))


@st.composite
def pools(draw: st.DrawFn) -> tuple[Pool2d, Shape]:
    """A pooling and a shape that it takes."""
    shape = draw(images)
    kind = draw(st.sampled_from(["max", "avg"]))
    kernel = draw(pairs)
    stride = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    padding = draw(st.tuples(*(st.integers(0, k // 2) for k in kernel)))
    dilation = draw(st.tuples(*[st.integers(1, 2)] * 2)) if kind == "max" else (1, 1)
    ceil, include = draw(st.booleans()), draw(st.booleans())
    op = Pool2d(kind, kernel, stride, padding, dilation, ceil, include)
    try:
        op.shape(shape)
    except LitheError:
        assume(False)
    return op, shape


@few
@given(case=pools(), isa=isas)
def test_pool(tmp_path: Path, case: tuple[Pool2d, Shape], isa: InstructionSet) -> None:
    op, shape = case
    check(one(op, shape), isa, tmp_path)


@every_isa
@pytest.mark.parametrize("k", [2, 3, 7, 13])
def test_usual_pools(tmp_path: Path, isa: InstructionSet, k: int) -> None:
    # With and without registers for every column, and with one tile in the middle of a row.
    for c, kind in ((70, "max"), (24, "avg")):
        op = Pool2d(kind, (k, k), (2, 2), (k // 2, k // 2))
        check(one(Fused(op, Activation("neg")), (1, c, 14, 31)), isa, tmp_path)


@every_isa
def test_a_dilated_window_may_hold_nothing(tmp_path: Path, isa: InstructionSet) -> None:
    check(one(Pool2d("max", (2, 2), (1, 1), (1, 1), (2, 2)), (1, 5, 1, 1)), isa, tmp_path)


@every_isa
@pytest.mark.parametrize(
    "op", [Pool2d("max", (3, 3), (1, 1), (1, 1)), AdaptivePool2d("max", (2, 3))]
)
def test_nan_and_infinity_win(tmp_path: Path, isa: InstructionSet, op: Op) -> None:
    model = one(op, (1, 19, 7, 8))
    (x,) = drawn(model)
    x[0, ::3, 2, 4] = np.nan
    x[0, 1::3, 3, 3] = np.inf
    x[0, 2::3] = -np.inf
    check(model, isa, tmp_path, [x])


@few
@given(shape=images, size=pairs, isa=isas, kind=st.sampled_from(["max", "avg"]))
def test_adaptive_pool(
    tmp_path: Path, shape: Shape, size: tuple[int, int], isa: InstructionSet, kind: str
) -> None:
    check(one(AdaptivePool2d(kind, size), shape), isa, tmp_path, scale=4)
    check(one(Fused(AdaptivePool2d(kind), Activation("neg")), shape), isa, tmp_path, scale=4)


@every_isa
def test_a_large_average_stays_exact(tmp_path: Path, isa: InstructionSet) -> None:
    model = one(AdaptivePool2d(), (1, 5, 181, 173))
    x = np.random.default_rng(0).uniform(0, 1, (1, 5, 181, 173)).astype(np.float32)
    check(model, isa, tmp_path, [x])


@few
@given(
    shape=st.one_of(images, st.lists(st.integers(1, 9), min_size=1, max_size=5).map(tuple)),
    isa=isas,
    data=st.data(),
)
def test_mean(tmp_path: Path, shape: Shape, isa: InstructionSet, data: st.DataObject) -> None:
    axes = data.draw(st.sets(st.integers(0, len(shape) - 1), min_size=1))
    keep = data.draw(st.booleans())
    check(one(Mean(tuple(sorted(axes)), keep), shape), isa, tmp_path, scale=4)


@few
@given(
    shape=st.one_of(images, st.lists(st.integers(1, 40), min_size=1, max_size=3).map(tuple)),
    isa=isas,
    data=st.data(),
)
def test_softmax(tmp_path: Path, shape: Shape, isa: InstructionSet, data: st.DataObject) -> None:
    axis = data.draw(st.integers(0, len(shape) - 1))
    check(one(Softmax(axis), shape), isa, tmp_path, scale=0.9)


@every_isa
def test_softmax_of_infinities(tmp_path: Path, isa: InstructionSet) -> None:
    x = np.zeros((7, 21), np.float32)
    x[0, 20] = np.nan
    x[1, 3] = np.inf
    x[2] = -np.inf
    x[3, 4:] = -np.inf
    x[4, 20] = 1e30
    x[5] = np.linspace(-200, 200, 21)
    for axis, values in ((1, x), (0, np.ascontiguousarray(x.T))):
        check(one(Softmax(axis), values.shape), isa, tmp_path, [values])


@few
@given(
    shape=images,
    size=pairs,
    isa=isas,
    mode=st.sampled_from(["nearest", "bilinear"]),
    align=st.booleans(),
)
def test_resize(
    tmp_path: Path,
    shape: Shape,
    size: tuple[int, int],
    isa: InstructionSet,
    mode: str,
    align: bool,
) -> None:
    op = Resize(size, mode, align and mode == "bilinear")
    # Coordinates are worked out in float32, so one is held against float32.
    check(one(op, shape), isa, tmp_path, single=True, scale=8)
    if not op.align_corners:
        h, w = (size[i] / shape[2 + i] + 0.01 for i in (0, 1))
        check(one(Resize(size, mode, scale=(h, w)), shape), isa, tmp_path, single=True, scale=8)
