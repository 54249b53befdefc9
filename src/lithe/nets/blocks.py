"""The blocks that the tables' rows stand for."""

from torch import Tensor, nn

from lithe.arch import Block, Conv, DepthwiseSeparable, FusedInvertedResidual, InvertedResidual
from lithe.nets.layers import SqueezeExcite, depthwise, pointwise, standard


class DepthwiseSeparableBlock(nn.Module):
    """A standard convolution in two steps, filter then mix: 1/c_out + 1/k^2 of its MACs.

    (n, c_in, h, w) -> (n, c_out, h_out, w_out). MobileNetV1, section 3.1.
    """

    def __init__(self, block: Block, row: DepthwiseSeparable) -> None:
        super().__init__()
        self.depthwise = depthwise(block.c_in, row.k, block.stride, block.activation)
        self.squeeze = _squeeze(block)
        self.pointwise = pointwise(block.c_in, block.c_out, block.activation)

    def forward(self, x: Tensor) -> Tensor:
        """Depthwise, squeeze-and-excite if there is one, pointwise."""
        y: Tensor = self.pointwise(_squeezed(self.squeeze, self.depthwise(x)))
        return y


class InvertedResidualBlock(nn.Module):
    """Narrow in, wide inside, narrow out, and the shortcut joins the narrow ends.

    (n, c_in, h, w) -> (n, c_out, h_out, w_out), t * c_in channels in between.
    MobileNetV2, sections 3.2 to 3.4.
    """

    def __init__(self, block: Block, row: InvertedResidual) -> None:
        super().__init__()
        c = block.c_expanded
        self.adds_input = block.adds_input
        self.expand = pointwise(block.c_in, c, block.activation) if row.t > 1 else None
        self.depthwise = depthwise(c, row.k, block.stride, block.activation)
        self.squeeze = _squeeze(block)
        self.project = pointwise(c, block.c_out, None if row.linear else block.activation)

    def forward(self, x: Tensor) -> Tensor:
        """Expand, filter, project, and add the input where the shapes allow."""
        y: Tensor = x if self.expand is None else self.expand(x)
        y = self.project(_squeezed(self.squeeze, self.depthwise(y)))
        return x + y if self.adds_input else y


class ExpansionShortcutBlock(nn.Module):
    """The ablation of MobileNetV2's section 6.4 that joins the wide tensors instead.

    It takes and returns the expanded tensor beside the narrow one: the classic residual
    network's shortcut, which starts and ends at the blocks' middles.
    """

    def __init__(self, block: Block, row: InvertedResidual, c_wide: int | None) -> None:
        super().__init__()
        c = block.c_expanded
        self.adds_wide = c_wide == c
        self.c_wide = c if block.stride == 1 else None
        self.expand = pointwise(block.c_in, c, block.activation) if row.t > 1 else None
        self.depthwise = depthwise(c, row.k, block.stride, block.activation)
        self.squeeze = _squeeze(block)
        self.project = pointwise(c, block.c_out, None if row.linear else block.activation)

    def forward(self, x: Tensor, wide: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Both outputs: narrow (n, c_out, h_out, w_out) and wide (n, t * c_in, h, w) or None."""
        y: Tensor = x if self.expand is None else self.expand(x)
        if self.adds_wide and wide is not None:
            y = y + wide
        z = self.project(_squeezed(self.squeeze, self.depthwise(y)))
        return z, y if self.c_wide is not None else None


class FusedInvertedResidualBlock(nn.Module):
    """An inverted residual with one standard k x k convolution for expansion and filter.

    (n, c_in, h, w) -> (n, c_out, h_out, w_out).
    """

    def __init__(self, block: Block, row: FusedInvertedResidual) -> None:
        super().__init__()
        self.adds_input = block.adds_input
        c = block.c_expanded if row.t > 1 else block.c_out
        self.expand = standard(block.c_in, c, row.k, block.stride, block.activation)
        self.project = pointwise(c, block.c_out, None) if row.t > 1 else None

    def forward(self, x: Tensor) -> Tensor:
        """Filter and expand, project, and add the input where the shapes allow."""
        y: Tensor = self.expand(x)
        if self.project is not None:
            y = self.project(y)
        return x + y if self.adds_input else y


def _squeeze(block: Block) -> SqueezeExcite | None:
    return SqueezeExcite(block.c_expanded, block.c_squeezed) if block.c_squeezed else None


def _squeezed(squeeze: SqueezeExcite | None, x: Tensor) -> Tensor:
    return x if squeeze is None else squeeze(x)


def make_block(block: Block, c_wide: int | None = None) -> nn.Module:
    """The module of one unrolled block; `c_wide`: channels of the wide tensor handed on to it."""
    match block.row:
        case Conv() as row:
            return standard(block.c_in, block.c_out, row.k, block.stride, block.activation)
        case DepthwiseSeparable() as row:
            return DepthwiseSeparableBlock(block, row)
        case InvertedResidual(shortcut="expansion") as row:
            return ExpansionShortcutBlock(block, row, c_wide)
        case InvertedResidual() as row:
            return InvertedResidualBlock(block, row)
        case FusedInvertedResidual() as row:
            return FusedInvertedResidualBlock(block, row)
