"""Counted MACs of every product against the trips of a naive loop, and shapes against torch."""

from itertools import product

import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st

from lithe.graph.ops import Attention, ConvNd, ConvTransposed, Einsum, MatMul, Shape

CONVOLUTIONS = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}


@st.composite
def convolutions(draw: st.DrawFn, ranks: tuple[int, ...]) -> tuple[ConvNd, Shape, Shape]:
    """A convolution, its input's shape, and an output padding that a transposed one takes."""
    rank = draw(st.sampled_from(ranks))

    def each(low: int, high: int) -> Shape:
        return tuple(draw(st.integers(low, high)) for _ in range(rank))

    groups = draw(st.integers(1, 3))
    c_in, c_out = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    stride, dilation = each(1, 3), each(1, 2)
    op = ConvNd(c_in, c_out, each(1, 3), stride, each(0, 2), dilation, groups)
    most = tuple(max(s, d) - 1 for s, d in zip(stride, dilation, strict=True))
    more = tuple(draw(st.integers(0, each_most)) for each_most in most)
    return op, (draw(st.integers(1, 2)), c_in, *each(1, 4)), more


def places(h: int, k: int, s: int, p: int, d: int) -> int:
    """How often a kernel of k is laid on h elements with padding."""
    count, start = 0, -p
    while start + d * (k - 1) < h + p:
        count, start = count + 1, start + s
    return count


@given(convolutions((1, 3)))
def test_a_convolution_over_a_line_or_a_volume(case: tuple[ConvNd, Shape, Shape]) -> None:
    op, shape, _ = case
    each = (shape[2:], op.kernel, op.stride, op.padding, op.dilation)
    spots = [places(*numbers) for numbers in zip(*each, strict=True)]
    assume(min(spots) > 0)
    weight = torch.zeros(op.c_out, op.c_in // op.groups, *op.kernel)
    y = CONVOLUTIONS[len(op.kernel)](
        torch.zeros(shape), weight, None, op.stride, op.padding, op.dilation, op.groups
    )
    assert op.shape(shape) == tuple(y.shape)
    assert op.constants(shape) == (tuple(weight.shape),)
    trips = 0
    for _image in range(shape[0]):
        for _spot in product(*map(range, spots)):
            for _filter in range(op.c_out):
                for _channel in range(op.c_in // op.groups):
                    for _tap in product(*map(range, op.kernel)):
                        trips += 1
    assert op.macs(shape) == trips
    assert op.other_ops(shape) == 0


@given(convolutions((1, 2, 3)))
def test_a_transposed_convolution(case: tuple[ConvNd, Shape, Shape]) -> None:
    conv, shape, more = case
    sizes = (conv.kernel, conv.stride, conv.padding, conv.dilation, more)
    op = ConvTransposed(conv.c_in, conv.c_out, *sizes, conv.groups, bias=True)
    weight = torch.zeros(op.c_in, op.c_out // op.groups, *op.kernel)
    h_out = [
        (h - 1) * s - 2 * p + d * (k - 1) + 1 + m
        for h, k, s, p, d, m in zip(shape[2:], *sizes, strict=True)
    ]
    assume(min(h_out) > 0)
    y = TRANSPOSED[len(op.kernel)](
        torch.zeros(shape), weight, None, op.stride, op.padding, more, op.groups, op.dilation
    )
    assert op.shape(shape) == tuple(y.shape)
    assert op.constants(shape) == (tuple(weight.shape), (op.c_out,))
    trips = 0
    for _image in range(shape[0]):
        for _pixel in product(*map(range, shape[2:])):
            for _group in range(op.groups):
                for _read in range(op.c_in // op.groups):
                    for _written in range(op.c_out // op.groups):
                        for _tap in product(*map(range, op.kernel)):
                            trips += 1
    assert op.macs(shape) == trips


leading = st.lists(st.sampled_from([1, 2, 3]), max_size=2)


@given(leading, st.booleans(), st.booleans(), st.data())
def test_a_product_of_matrices(
    batch: list[int], row: bool, column: bool, data: st.DataObject
) -> None:
    m, k, n = (data.draw(st.integers(1, 3)) for _ in range(3))
    thinner = [data.draw(st.sampled_from([1, size])) for size in batch]
    left: Shape = (k,) if row else (*thinner[data.draw(st.integers(0, len(batch))) :], m, k)
    right: Shape = (k,) if column else (*batch, k, n)
    y = torch.zeros(left) @ torch.zeros(right)
    op = MatMul()
    assert op.shape(left, right) == tuple(y.shape)
    trips = 0
    for _element in range(y.numel()):
        for _inner in range(k):
            trips += 1
    assert op.macs(left, right) == trips
    for operands, inputs in (((None, right), (left,)), ((left, None), (right,))):
        half = MatMul(operands)
        assert (half.shape(*inputs), half.macs(*inputs)) == (tuple(y.shape), trips)


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), st.integers(1, 4), st.booleans())
def test_attention_is_two_products_of_matrices(
    heads: int, queries: int, keys: int, width: int, masked: bool
) -> None:
    q, k, v = (2, heads, queries, width), (2, heads, keys, width), (2, heads, keys, width + 1)
    y = F.scaled_dot_product_attention(torch.zeros(q), torch.zeros(k), torch.zeros(v))
    op = Attention()
    given_mask = ((queries, keys),) if masked else ()
    assert op.shape(q, k, v, *given_mask) == tuple(y.shape)
    first, second = (2, heads, width, keys), (2, heads, queries, keys)
    products = MatMul().macs(q, first) + MatMul().macs(second, v)
    assert op.macs(q, k, v, *given_mask) == products
    assert op.other_ops(q, k, v, *given_mask) == 2 * heads * queries * keys * (6 + masked)


@given(st.data())
def test_a_sum_over_named_indices(data: st.DataObject) -> None:
    sizes = {letter: data.draw(st.integers(1, 3)) for letter in "abcd"}
    terms = [
        "".join(data.draw(st.permutations("abcd"))[: data.draw(st.integers(1, 3))])
        for _ in range(2)
    ]
    used = sorted({*"".join(terms)})
    out = "".join(data.draw(st.lists(st.sampled_from(used), unique=True)))
    shapes = [tuple(sizes[letter] for letter in term) for term in terms]
    op = Einsum(f"{','.join(terms)}->{out}")
    y = torch.einsum(op.equation, *(torch.zeros(shape) for shape in shapes))
    assert op.shape(*shapes) == tuple(y.shape)
    assert op.macs(*shapes) == len(list(product(*(range(sizes[letter]) for letter in used))))
