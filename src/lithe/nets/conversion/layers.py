"""What takes the place of a convolution or linear layer: modules that begin with its weights.

All map (n, c_in, h, w) to (n, c_out, h_out, w_out) as the convolution did, or (..., c_in) to
(..., c_out) as the linear layer. None has batch norm of
its own: the one behind the convolution is behind its replacement as well, and what stands
between depthwise and pointwise convolution is nothing, so that an exact split is exact.
Xception (arXiv:1610.02357, section 4.7) also found that nothing there is better than an activation.
"""

import numpy as np
import torch
from torch import Tensor, nn

from lithe.nets.conversion import split
from lithe.nets.conversion.rows import Replacement


class SeparableConv(nn.Module):
    """r depthwise filters per input channel, then a pointwise convolution."""

    def __init__(self, conv: nn.Conv2d, r: int) -> None:
        super().__init__()
        c_in, c_out = conv.in_channels, conv.out_channels
        self.depthwise = spatial(conv, c_in, c_in * r, groups=c_in, bias=False)
        self.pointwise = nn.Conv2d(c_in * r, c_out, 1, bias=conv.bias is not None)

    def forward(self, x: Tensor) -> Tensor:
        """Filter each channel, then mix."""
        y: Tensor = self.pointwise(self.depthwise(x))
        return y

    def carry(self, conv: nn.Conv2d, signed: bool) -> None:
        """Take the weights of a convolution as nearly as can be."""
        found = split.separable(array(conv.weight), self.depthwise.out_channels // conv.in_channels)
        c_in, r, *window = found.depthwise.shape
        fill(self.depthwise.weight, found.depthwise.reshape(c_in * r, 1, *window))
        fill(self.pointwise.weight, found.pointwise.reshape(conv.out_channels, c_in * r, 1, 1))
        _carry_bias(self.pointwise, conv)


class InvertedResidualConv(nn.Module):
    """Expansion by t, depthwise convolution, linear projection (arXiv:1801.04381, section 3.3).

    A ReLU follows the first two. With y = relu(y) - relu(-y), two channels of opposite sign
    carry one rank-one piece of a kernel through the second; where the input has negative values,
    two more carry those through the first.
    """

    def __init__(self, conv: nn.Conv2d, t: int) -> None:
        super().__init__()
        c_in, c_out = conv.in_channels, conv.out_channels
        c = c_in * t
        self.expand = nn.Conv2d(c_in, c, 1)
        self.depthwise = spatial(conv, c, c, groups=c, bias=True)
        self.project = nn.Conv2d(c, c_out, 1, bias=conv.bias is not None)
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Expand, filter, project."""
        y: Tensor = self.project(self.act(self.depthwise(self.act(self.expand(x)))))
        return y

    def carry(self, conv: nn.Conv2d, signed: bool) -> None:
        """Take the weights of a convolution as nearly as can be; channels left over stay as drawn.

        What stays as drawn adds nothing yet: its columns of the projection are zero. `signed`
        says that the input has negative values.
        """
        c_in, c_out = conv.in_channels, conv.out_channels
        t, signs = self.expand.out_channels // c_in, (1.0, -1.0) if signed else (1.0,)
        r = min(t // (2 * len(signs)), c_out, *[conv.kernel_size[0] * conv.kernel_size[1]])
        expand = array(self.expand.weight).reshape(c_in, t, c_in)
        depthwise = array(self.depthwise.weight).reshape(c_in, t, *conv.kernel_size)
        project = np.zeros((c_out, c_in, t))
        if r:
            found = split.separable(array(conv.weight), r)
            for place in range(r * 2 * len(signs)):
                piece, rest = divmod(place, 2 * len(signs))
                inner, outer = signs[rest // 2], (1.0, -1.0)[rest % 2]
                expand[:, place] = inner * np.eye(c_in)
                depthwise[:, place] = inner * outer * found.depthwise[:, piece]
                project[:, :, place] = outer * found.pointwise[:, :, piece]
        fill(self.expand.weight, expand.reshape(c_in * t, c_in, 1, 1))
        fill(self.depthwise.weight, depthwise.reshape(c_in * t, 1, *conv.kernel_size))
        fill(self.project.weight, project.reshape(c_out, c_in * t, 1, 1))
        for part in (self.expand, self.depthwise):
            assert part.bias is not None
            nn.init.zeros_(part.bias)
        _carry_bias(self.project, conv)


class LowRankConv(nn.Module):
    """A convolution to r channels, then a pointwise one; both are pointwise where the old was."""

    def __init__(self, conv: nn.Conv2d, r: int) -> None:
        super().__init__()
        self.filters = spatial(conv, conv.in_channels, r, groups=1, bias=False)
        self.mixing = nn.Conv2d(r, conv.out_channels, 1, bias=conv.bias is not None)

    def forward(self, x: Tensor) -> Tensor:
        """Filter to few channels, then mix."""
        y: Tensor = self.mixing(self.filters(x))
        return y

    def carry(self, conv: nn.Conv2d, signed: bool) -> None:
        """Take the weights of a convolution as nearly as can be."""
        found = split.low_rank(array(conv.weight), self.filters.out_channels)
        fill(self.filters.weight, found.filters)
        fill(self.mixing.weight, found.mixing.reshape(conv.out_channels, -1, 1, 1))
        _carry_bias(self.mixing, conv)


class LowRankLinear(nn.Module):
    """A linear layer to r channels, then one from there."""

    def __init__(self, linear: nn.Linear, r: int) -> None:
        super().__init__()
        self.filters = nn.Linear(linear.in_features, r, bias=False)
        self.mixing = nn.Linear(r, linear.out_features, bias=linear.bias is not None)

    def forward(self, x: Tensor) -> Tensor:
        """Project to few channels, then mix."""
        y: Tensor = self.mixing(self.filters(x))
        return y

    def carry(self, linear: nn.Linear, signed: bool) -> None:
        """Take the weights of a linear layer as nearly as can be."""
        found = split.low_rank(array(linear.weight), self.filters.out_features)
        fill(self.filters.weight, found.filters)
        fill(self.mixing.weight, found.mixing)
        _carry_bias(self.mixing, linear)


Layer = nn.Conv2d | nn.Linear
Converted = SeparableConv | InvertedResidualConv | LowRankConv | LowRankLinear
CONVERTED = (SeparableConv, InvertedResidualConv, LowRankConv, LowRankLinear)


def replacement_for(layer: Layer, row: Replacement) -> Converted:
    """The module of a row for a layer that can have it (see `places`), weights freshly drawn."""
    made: Converted
    if isinstance(layer, nn.Linear):
        made = LowRankLinear(layer, row.size)
    else:
        match row.kind:
            case "separable":
                made = SeparableConv(layer, row.size)
            case "inverted-residual":
                made = InvertedResidualConv(layer, row.size)
            case "low-rank":
                made = LowRankConv(layer, row.size)
    return made.to(layer.weight.device, layer.weight.dtype).train(layer.training)


def last_of(module: Converted) -> Layer:
    """The pointwise convolution, or linear layer, that a replacement ends with."""
    match module:
        case SeparableConv():
            return module.pointwise
        case InvertedResidualConv():
            return module.project
        case LowRankConv() | LowRankLinear():
            return module.mixing


def spatial(conv: nn.Conv2d, c_in: int, c_out: int, *, groups: int, bias: bool) -> nn.Conv2d:
    """A convolution over the same windows, between other channels."""
    return nn.Conv2d(
        c_in,
        c_out,
        conv.kernel_size,  # type: ignore[arg-type]
        conv.stride,  # type: ignore[arg-type]
        conv.padding,  # type: ignore[arg-type]
        conv.dilation,  # type: ignore[arg-type]
        groups,
        bias,
        conv.padding_mode,
    )


def array(weight: Tensor) -> split.Floats:
    """Values of a weight in float64, a copy."""
    values: split.Floats = weight.detach().double().cpu().numpy().copy()
    return values


def fill(weight: Tensor, values: split.Floats) -> None:
    """Put values into a weight, in place."""
    with torch.no_grad():
        weight.copy_(torch.from_numpy(np.ascontiguousarray(values)))


def _carry_bias(last: Layer, layer: Layer) -> None:
    if layer.bias is not None:
        assert last.bias is not None
        fill(last.bias, array(layer.bias))
