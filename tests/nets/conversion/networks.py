"""Small networks with convolutions of every kind."""

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations


class Own(nn.Conv2d):
    """A subclass that may compute what it likes."""


class Twice(nn.Module):
    """Runs one convolution again, shares the weight of two, and never runs another."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.again = nn.Conv2d(8, 8, 3, padding=1)
        self.idle = nn.Conv2d(8, 8, 3)
        self.tied = nn.Conv2d(8, 8, 3, padding=1)
        self.tied_too = nn.Conv2d(8, 8, 3, padding=1)
        self.tied_too.weight = self.tied.weight
        self.same_bias = nn.Conv2d(8, 8, 3, padding=1)
        self.same_bias.bias = self.tied.bias
        self.own = Own(8, 8, 3, padding=1)
        self.normed = parametrizations.weight_norm(nn.Conv2d(8, 8, 3, padding=1))
        self.old_normed = nn.utils.weight_norm(nn.Conv2d(8, 8, 3, padding=1))
        self.grouped = nn.Conv2d(8, 8, 3, padding=1, groups=2)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.point = nn.Conv2d(8, 8, 1)
        self.plain = nn.Conv2d(8, 4, 3, padding=1)
        self.point_to_one = nn.Conv2d(4, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.stem(x))
        x = self.again(self.again(x))
        x = self.same_bias(self.tied_too(self.tied(x)))
        x = self.old_normed(self.normed(self.own(x)))
        x = self.point(input=self.depthwise(self.grouped(x)).relu())
        out: Tensor = self.point_to_one(self.plain(x))
        return out


class Small(nn.Module):
    """Two residual blocks, the second of which halves the map, between a stem and a head."""

    def __init__(self, c: int = 8) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, c, 3, padding=1), nn.ReLU(inplace=True))
        self.conv1 = nn.Conv2d(c, c, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(c)
        self.act = nn.ReLU(inplace=True)
        self.down = nn.Conv2d(c, 2 * c, 1, 2)
        self.blocks = nn.ModuleDict(
            {
                "conv2": nn.Conv2d(c, 2 * c, 3, 2, 1, bias=False),
                "norm2": nn.BatchNorm2d(2 * c),
                "conv3": nn.Conv2d(2 * c, 2 * c, 3, padding=1),
            }
        )
        self.head = nn.Linear(2 * c, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = self.act(x + self.norm1(self.conv1(x)))
        x = self.act(self.down(x) + self.blocks["norm2"](self.blocks["conv2"](x)))
        x = self.act(self.blocks["conv3"](x))
        out: Tensor = self.head(x.mean((2, 3)))
        return out


def small(c: int = 8) -> Small:
    """With statistics that are not those of a new batch norm, in eval mode."""
    torch.manual_seed(0)
    network = Small(c)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)  # type: ignore[union-attr]
            module.running_var.uniform_(0.5, 1.5)  # type: ignore[union-attr]
    return network.eval()
