"""Operations that are no MACs against the trips of a naive loop; none is free by silence."""

from math import ceil, floor

from hypothesis import assume, given
from hypothesis import strategies as st

import lithe.graph.ops as all_ops
from lithe.graph.ops import (
    MOVES,
    Activation,
    AdaptivePool2d,
    BatchNorm,
    Binary,
    Conv2d,
    Fused,
    Mean,
    Op,
    Pool2d,
    Resize,
    Softmax,
    Unknown,
)

small = st.integers(1, 3)
sides = st.tuples(st.integers(1, 8), st.integers(1, 8))


def test_every_operator_counts_something_or_is_among_those_that_only_move() -> None:
    kinds = {each for each in vars(all_ops).values() if isinstance(each, type)}
    kinds = {each for each in kinds if issubclass(each, Op)} - {Op, Unknown}
    counting = {each for each in kinds if {"macs", "other_ops"} & set(vars(each))}
    assert counting.isdisjoint(MOVES)
    assert counting | set(MOVES) == kinds


@given(
    kernel=st.tuples(small, small),
    stride=st.tuples(small, small),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    side=sides,
)
def test_pooling_looks_once_at_each_element_of_each_window(
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    side: tuple[int, int],
) -> None:
    h, w = side
    span_h, span_w = (d * (k - 1) for d, k in zip(dilation, kernel, strict=True))
    assume(span_h < h and span_w < w)
    trips = 0
    for _plane in range(2 * 3):
        for _y in range(0, h - span_h, stride[0]):
            for _x in range(0, w - span_w, stride[1]):
                for _row in range(kernel[0]):
                    for _column in range(kernel[1]):
                        trips += 1
    op = Pool2d("max", kernel, stride, (0, 0), dilation)
    assert op.other_ops((2, 3, *side)) == trips


@given(sides, st.tuples(small, small))
def test_adaptive_pooling_looks_once_at_each_element_of_each_window(
    side: tuple[int, int], size: tuple[int, int]
) -> None:
    (h, w), (h_out, w_out) = side, size
    trips = 0
    for i in range(h_out):
        for j in range(w_out):
            for _y in range(floor(i * h / h_out), ceil((i + 1) * h / h_out)):
                for _x in range(floor(j * w / w_out), ceil((j + 1) * w / w_out)):
                    trips += 1
    assert AdaptivePool2d("avg", size).other_ops((2, 3, *side)) == 2 * 3 * trips


def test_the_others_by_hand() -> None:
    shape = (2, 4, 3, 3)
    assert Activation("gelu").other_ops(shape) == 72
    assert Binary("add").other_ops((2, 4, 3, 3), (4, 1, 1)) == 72
    assert Binary("mul").other_ops((4, 1), (1, 3)) == 12
    assert BatchNorm(4).other_ops(shape) == 2 * 72
    assert Mean((2, 3)).other_ops(shape) == 72
    assert Softmax(1).other_ops(shape) == 5 * 72
    assert Resize((6, 6)).other_ops(shape) == 0
    assert Resize((6, 6), "bilinear").other_ops(shape) == 4 * 2 * 4 * 36
    conv = Conv2d(4, 5, (3, 3))
    assert conv.other_ops(shape) == 0
    assert Fused(conv, Activation("relu"), True).other_ops(shape, (2, 5, 1, 1)) == 20
