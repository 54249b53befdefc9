"""Random convolutions, and kernels of a known rank, for whatever must hold of any of them."""

from dataclasses import dataclass

import numpy as np
import torch
from hypothesis import strategies as st
from torch import nn

from lithe.nets.conversion import split


@dataclass(frozen=True, slots=True)
class Drawn:
    """A convolution, an image batch n c h w for it, and a source of more numbers."""

    conv: nn.Conv2d
    x: torch.Tensor
    random: np.random.Generator


@st.composite
def convolutions(draw: st.DrawFn, *, pointwise: bool = False) -> Drawn:
    """Any window, stride, dilation, padding and padding mode; 5 to 9 channels in."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    torch.manual_seed(int(random.integers(2**31)))
    pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
    kernel = draw(st.sampled_from([(3, 3), (1, 3), (3, 1), (2, 3), (5, 2), (4, 4)]))
    paddings: list[str | tuple[int, int]] = [(0, 0), (1, 2), (2, 1), "same"]
    padding = draw(st.sampled_from(paddings))
    stride = (1, 1) if padding == "same" else draw(pairs)
    conv = nn.Conv2d(
        draw(st.integers(5, 9)),
        draw(st.integers(2, 12)),
        (1, 1) if pointwise else kernel,
        stride,
        padding,
        draw(pairs),
        bias=draw(st.booleans()),
        padding_mode=draw(st.sampled_from(["zeros", "reflect", "replicate", "circular"])),
    )
    x = torch.randn(2, conv.in_channels, 14, 13)
    return Drawn(conv.eval(), x, random)


def of_separable_rank(conv: nn.Conv2d, r: int, random: np.random.Generator) -> split.Floats:
    """A kernel of a convolution's shape that is r depthwise filters per channel, mixed."""
    c_out, c_in, *window = conv.weight.shape
    made = split.Separable(
        random.normal(size=(c_in, r, *window)), random.normal(size=(c_out, c_in, r))
    )
    return split.kernel_of(made)


def of_low_rank(conv: nn.Conv2d, r: int, random: np.random.Generator) -> split.Floats:
    """A kernel of a convolution's shape that is r filters, mixed."""
    c_out, *rest = conv.weight.shape
    return split.kernel_of(
        split.LowRank(random.normal(size=(r, *rest)), random.normal(size=(c_out, r)))
    )


def relative(found: torch.Tensor, exact: torch.Tensor) -> float:
    """The norm of the difference over the norm."""
    return float((found - exact).norm() / exact.norm())
