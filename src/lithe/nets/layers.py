"""The papers' convolutions, each with norm and activation, and squeeze-and-excite."""

from torch import Tensor, nn

from lithe.arch.rows import Activation

ACTIVATIONS: dict[Activation, type[nn.Module]] = {
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "hard_swish": nn.Hardswish,
    "silu": nn.SiLU,
}


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


class SqueezeExcite(nn.Module):
    """Each channel times a factor in 0..1 that the means of all channels decide.

    (n, c, h, w) -> (n, c, h, w). arXiv:1709.01507; here with the hard sigmoid of MobileNetV3
    (arXiv:1905.02244, sections 5.2 and 5.3).
    """

    def __init__(self, c: int, c_squeezed: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.reduce = nn.Conv2d(c, c_squeezed, 1)
        self.act = nn.ReLU()
        self.expand = nn.Conv2d(c_squeezed, c, 1)
        self.gate = nn.Hardsigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """Means, two pointwise convolutions, and the product."""
        factors: Tensor = self.gate(self.expand(self.act(self.reduce(self.pool(x)))))
        return x * factors
