"""Replacements compute what the convolution did, where its kernel allows it."""

import copy

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.nets.conversion.drawn import (
    Drawn,
    convolutions,
    of_low_rank,
    of_separable_rank,
    relative,
)
from torch import nn

from lithe.nets.conversion.layers import (
    Converted,
    InvertedResidualConv,
    LowRankConv,
    LowRankLinear,
    SeparableConv,
    fill,
    last_of,
    replacement_for,
)
from lithe.nets.conversion.places import largest
from lithe.nets.conversion.rows import Kind, Replacement

quick = settings(max_examples=40, deadline=None)
EXACT = 1e-6  # relative, in float32


def carried(conv: nn.Conv2d, kind: Kind, size: int, *, signed: bool = True) -> Converted:
    made = replacement_for(conv, Replacement("conv", kind, size))
    made.carry(conv, signed)  # type: ignore[arg-type]
    return made


@given(drawn=convolutions(), r=st.integers(1, 3))
@quick
@torch.no_grad()
def test_a_separable_kernel_is_carried_exactly(drawn: Drawn, r: int) -> None:
    conv = drawn.conv
    r = min(r, largest(conv, "separable"))
    fill(conv.weight, of_separable_rank(conv, r, drawn.random))
    assert relative(carried(conv, "separable", r)(drawn.x), conv(drawn.x)) < EXACT


@given(drawn=convolutions(), r=st.integers(1, 5))
@quick
@torch.no_grad()
def test_a_kernel_of_low_rank_is_carried_exactly(drawn: Drawn, r: int) -> None:
    conv = drawn.conv
    r = min(r, conv.out_channels)
    fill(conv.weight, of_low_rank(conv, r, drawn.random))
    assert relative(carried(conv, "low-rank", r)(drawn.x), conv(drawn.x)) < EXACT


@given(drawn=convolutions(pointwise=True), r=st.integers(1, 3))
@quick
@torch.no_grad()
def test_so_is_a_pointwise_one(drawn: Drawn, r: int) -> None:
    conv = drawn.conv
    r = min(r, conv.out_channels)
    fill(conv.weight, of_low_rank(conv, r, drawn.random))
    made = carried(conv, "low-rank", r)
    assert isinstance(made, LowRankConv)
    assert made.filters.kernel_size == (1, 1)
    assert relative(made(drawn.x), conv(drawn.x)) < EXACT


@given(drawn=convolutions(), kind=st.sampled_from(["separable", "low-rank", "inverted-residual"]))
@quick
@torch.no_grad()
def test_any_kernel_is_carried_exactly_at_the_largest_size(drawn: Drawn, kind: Kind) -> None:
    conv = drawn.conv
    made = carried(conv, kind, largest(conv, kind))
    assert relative(made(drawn.x), conv(drawn.x)) < EXACT


@given(drawn=convolutions(), r=st.integers(1, 3), more=st.integers(0, 1), signed=st.booleans())
@quick
@torch.no_grad()
def test_an_inverted_residual_needs_two_channels_a_piece_and_four_for_signed_inputs(
    drawn: Drawn, r: int, more: int, signed: bool
) -> None:
    conv = drawn.conv
    r = min(r, largest(conv, "separable"))
    fill(conv.weight, of_separable_rank(conv, r, drawn.random))
    x = drawn.x if signed else drawn.x.abs()
    t = (4 if signed else 2) * r + more  # one more is drawn, and adds nothing yet
    assert relative(carried(conv, "inverted-residual", t, signed=signed)(x), conv(x)) < EXACT


@torch.no_grad()
def test_with_fewer_channels_an_inverted_residual_is_not_exact() -> None:
    """The identity is needed: half the channels, or a sign that was not told, lose something."""
    torch.manual_seed(0)
    conv = nn.Conv2d(8, 8, 3, padding=1)
    x = torch.randn(1, 8, 6, 6)
    assert relative(carried(conv, "inverted-residual", 16)(x), conv(x)) > 0.1
    # All 8 pieces of the kernel, but not what is negative in the input.
    assert relative(carried(conv, "inverted-residual", 32, signed=False)(x), conv(x)) > 0.1
    assert relative(carried(conv, "inverted-residual", 32, signed=True)(x), conv(x)) < EXACT
    tiny = carried(conv, "inverted-residual", 1)(x)
    assert conv.bias is not None
    torch.testing.assert_close(tiny, conv.bias.view(1, -1, 1, 1).expand_as(tiny))


@pytest.mark.parametrize("kind", ["separable", "low-rank", "inverted-residual"])
def test_a_replacement_is_of_the_type_the_mode_and_the_windows_of_its_convolution(
    kind: Kind,
) -> None:
    conv = nn.Conv2d(6, 7, (3, 5), (2, 1), (1, 2), (1, 2), padding_mode="reflect").double().eval()
    before = copy.deepcopy(conv.state_dict())
    made = carried(conv, kind, 4)
    assert {weight.dtype for weight in made.parameters()} == {torch.float64}
    assert not any(module.training for module in made.modules())
    spatial = [m for m in made.modules() if isinstance(m, nn.Conv2d) and m.kernel_size != (1, 1)]
    assert [(m.kernel_size, m.stride, m.padding, m.dilation, m.padding_mode) for m in spatial] == [
        (conv.kernel_size, conv.stride, conv.padding, conv.dilation, "reflect")
    ]
    assert all(torch.equal(before[name], weight) for name, weight in conv.state_dict().items())
    x = torch.randn(1, 6, 9, 12, dtype=torch.float64)
    assert made(x).shape == conv(x).shape


def test_channels_between_are_as_many_as_the_size_says() -> None:
    conv = nn.Conv2d(6, 12, 3)
    separable, low, inverted = (
        replacement_for(conv, Replacement("conv", kind, 3))
        for kind in ("separable", "low-rank", "inverted-residual")
    )
    assert isinstance(separable, SeparableConv)
    assert (separable.depthwise.out_channels, separable.depthwise.groups) == (18, 6)
    assert isinstance(low, LowRankConv)
    assert low.filters.out_channels == 3
    assert isinstance(inverted, InvertedResidualConv)
    assert inverted.depthwise.weight.shape == (18, 1, 3, 3)
    assert [last_of(made).in_channels for made in (separable, low, inverted)] == [18, 3, 18]
    assert all(last_of(made).out_channels == 12 for made in (separable, low, inverted))


@given(
    sizes=st.tuples(st.integers(16, 24), st.integers(16, 24)),
    r=st.integers(1, 5),
    axes=st.lists(st.integers(1, 3), max_size=2),
    bias=st.booleans(),
    seed=st.integers(0, 2**16),
)
@example(sizes=(21, 19), r=1, axes=[], bias=False, seed=125)
@quick
@torch.no_grad()
def test_a_linear_layer_of_low_rank_is_carried_exactly(
    sizes: tuple[int, int], r: int, axes: list[int], bias: bool, seed: int
) -> None:
    torch.manual_seed(seed)
    linear = nn.Linear(*sizes, bias=bias)
    linear.weight.copy_(torch.randn(sizes[1], r) @ torch.randn(r, sizes[0]))
    made = replacement_for(linear, Replacement("fc", "low-rank", r))
    assert isinstance(made, LowRankLinear)
    made.carry(linear, True)
    x = torch.randn(2, *axes, sizes[0])
    # Terms may cancel, so what a rounding may lose is a share of their size, not of the sum's.
    assert (made(x) - linear(x)).norm() <= EXACT * x.norm() * linear.weight.norm()
    assert last_of(made) is made.mixing
