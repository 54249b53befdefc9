"""The convolutions of the papers: standard, depthwise, pointwise, each with norm and activation."""

from torch import Tensor, nn

from lithe.arch.rows import Activation

ACTIVATIONS: dict[Activation, type[nn.Module]] = {"relu": nn.ReLU, "relu6": nn.ReLU6}


class ConvNormAct(nn.Module):
    """Convolution, batch norm and, unless `activation` is None, an activation.

    (n, c_in, h, w) -> (n, c_out, ceil(h / stride), ceil(w / stride)) for an odd kernel k,
    which is padded by (k - 1) // 2 on each side.
    """

    def __init__(
        self,
        c_in: int,
        c_out: int,
        k: int = 1,
        stride: int = 1,
        groups: int = 1,
        activation: Activation | None = "relu6",
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, k, stride, (k - 1) // 2, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(c_out)
        self.act = ACTIVATIONS[activation]() if activation else None

    def forward(self, x: Tensor) -> Tensor:
        """Apply the three in order."""
        x = self.norm(self.conv(x))
        return x if self.act is None else self.act(x)


def standard(c_in: int, c_out: int, k: int, stride: int, activation: Activation) -> ConvNormAct:
    """Every output channel reads every input channel: k * k * c_in MACs an output element."""
    return ConvNormAct(c_in, c_out, k, stride, activation=activation)


def depthwise(c: int, k: int, stride: int, activation: Activation) -> ConvNormAct:
    """Every channel is filtered alone: k * k MACs an output element (V1 paper, eq. 3)."""
    return ConvNormAct(c, c, k, stride, groups=c, activation=activation)


def pointwise(c_in: int, c_out: int, activation: Activation | None) -> ConvNormAct:
    """1 x 1 convolution, the linear map that mixes channels: c_in MACs an output element."""
    return ConvNormAct(c_in, c_out, activation=activation)
