"""Every shape rule against torch, and counted MACs against the trips of a naive loop."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st

from lithe.errors import LitheError
from lithe.graph.ops import (
    AdaptivePool2d,
    Binary,
    Concat,
    Conv2d,
    Flatten,
    Linear,
    Mean,
    Op,
    Pool2d,
    Shape,
)

small = st.integers(1, 3)
sides = st.tuples(st.integers(1, 8), st.integers(1, 8))


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[Conv2d, Shape]:
    groups = draw(small)
    c_in, c_out = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    op = Conv2d(
        c_in,
        c_out,
        kernel=draw(st.tuples(small, small)),
        stride=draw(st.tuples(small, small)),
        padding=draw(st.tuples(st.integers(0, 2), st.integers(0, 2))),
        dilation=draw(st.tuples(st.integers(1, 2), st.integers(1, 2))),
        groups=groups,
    )
    return op, (draw(st.integers(1, 2)), c_in, *draw(sides))


def torch_convolution(op: Conv2d, shape: Shape) -> Shape:
    weight = torch.zeros(op.c_out, op.c_in // op.groups, *op.kernel)
    x = torch.zeros(shape)
    y = F.conv2d(x, weight, None, op.stride, op.padding, op.dilation, op.groups)
    return tuple(y.shape)


def same_or_both_refuse(op: Op, inputs: tuple[Shape, ...], real: Callable[[], Shape]) -> None:
    try:
        expected = real()
    except (RuntimeError, IndexError):
        with pytest.raises(LitheError):
            op.shape(*inputs)
    else:
        assert op.shape(*inputs) == expected


@given(convolutions())
def test_a_convolution_has_torchs_shape_and_as_many_macs_as_a_loop_has_trips(
    case: tuple[Conv2d, Shape],
) -> None:
    op, shape = case
    same_or_both_refuse(op, (shape,), lambda: torch_convolution(op, shape))
    n, c_in, h, w = shape
    (k_h, k_w), (s_h, s_w), (p_h, p_w), (d_h, d_w) = op.kernel, op.stride, op.padding, op.dilation
    assume(d_h * (k_h - 1) < h + 2 * p_h and d_w * (k_w - 1) < w + 2 * p_w)
    trips = 0
    for _image in range(n):
        for _filter in range(op.c_out):
            y = -p_h
            while y + d_h * (k_h - 1) < h + p_h:
                x = -p_w
                while x + d_w * (k_w - 1) < w + p_w:
                    for _channel in range(c_in // op.groups):
                        for _row in range(k_h):
                            for _column in range(k_w):
                                trips += 1
                    x += s_w
                y += s_h
    assert op.macs(shape) == trips


@given(st.lists(st.integers(1, 4), max_size=3), st.integers(1, 6), st.integers(1, 6))
def test_a_linear_layer_has_torchs_shape_and_as_many_macs_as_a_loop_has_trips(
    leading: list[int], c_in: int, c_out: int
) -> None:
    op, shape = Linear(c_in, c_out), (*leading, c_in)
    y = F.linear(torch.zeros(shape), torch.zeros(c_out, c_in))
    assert op.shape(shape) == tuple(y.shape)
    trips = 0
    for _output in range(y.numel()):
        for _channel in range(c_in):
            trips += 1
    assert op.macs(shape) == trips


@given(
    kind=st.sampled_from(["max", "avg"]),
    kernel=st.tuples(small, small),
    stride=st.tuples(small, small),
    padding=st.tuples(st.integers(0, 1), st.integers(0, 1)),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    ceil_mode=st.booleans(),
    side=sides,
)
def test_pooling_has_torchs_shape(
    kind: str,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    ceil_mode: bool,
    side: tuple[int, int],
) -> None:
    assume(all(2 * p <= k for p, k in zip(padding, kernel, strict=True)))
    dilation = dilation if kind == "max" else (1, 1)
    op = Pool2d(kind, kernel, stride, padding, dilation, ceil_mode)
    x = torch.zeros(2, 3, *side)

    def real() -> Shape:
        if kind == "max":
            y = F.max_pool2d(x, kernel, stride, padding, dilation, ceil_mode)
        else:
            y = F.avg_pool2d(x, kernel, stride, padding, ceil_mode)
        return tuple(y.shape)

    same_or_both_refuse(op, ((2, 3, *side),), real)
    assert op.macs((2, 3, *side)) == 0


@given(sides, st.tuples(small, small))
def test_adaptive_pooling_has_torchs_shape(side: tuple[int, int], size: tuple[int, int]) -> None:
    y = F.adaptive_avg_pool2d(torch.zeros(2, 3, *side), size)
    assert AdaptivePool2d("avg", size).shape((2, 3, *side)) == tuple(y.shape)


@given(
    st.lists(st.lists(st.sampled_from([0, 1, 1, 2, 3]), max_size=4), min_size=1, max_size=3),
)
def test_element_wise_operators_broadcast_as_torch_does(shapes: list[list[int]]) -> None:
    inputs = tuple(tuple(shape) for shape in shapes)
    real = lambda: tuple(torch.broadcast_tensors(*(torch.zeros(s) for s in inputs))[0].shape)  # noqa: E731
    same_or_both_refuse(Binary("add"), inputs, real)


@given(
    st.lists(st.lists(st.integers(1, 3), min_size=2, max_size=4), min_size=1, max_size=3),
    st.integers(0, 1),
)
def test_concatenation_has_torchs_shape(shapes: list[list[int]], axis: int) -> None:
    inputs = tuple(tuple(shape) for shape in shapes)
    real = lambda: tuple(torch.cat([torch.zeros(s) for s in inputs], axis).shape)  # noqa: E731
    same_or_both_refuse(Concat(axis), inputs, real)


@given(st.lists(st.integers(1, 3), min_size=1, max_size=5), st.data())
def test_flattening_and_averaging_have_torchs_shape(sizes: list[int], data: st.DataObject) -> None:
    shape, x = tuple(sizes), torch.zeros(sizes)
    axes = range(len(sizes))
    start = data.draw(st.sampled_from(axes))
    assert Flatten(start).shape(shape) == tuple(x.flatten(start).shape)
    some = data.draw(st.sets(st.sampled_from(axes), min_size=1))
    assert Mean(tuple(some)).shape(shape) == tuple(x.mean(tuple(some)).shape)


@pytest.mark.parametrize(
    ("op", "shape", "message"),
    [
        (Conv2d(24, 10, (3, 3), groups=5), (1, 24, 8, 8), "24 input and 10 output channels"),
        (Conv2d(24, 24, (3, 3)), (1, 23, 8, 8), "24 input channels was given 23"),
        (Conv2d(3, 8, (5, 5)), (1, 3, 4, 4), "a kernel of 5 with dilation 1 does not fit"),
        (Conv2d(3, 8, (1, 1)), (3, 4, 4), "four axes"),
        (Linear(10, 2), (1, 9), "10 inputs was given 9"),
    ],
)
def test_what_does_not_fit_is_said_with_the_numbers(op: Op, shape: Shape, message: str) -> None:
    with pytest.raises(LitheError, match=message):
        op.shape(shape)
