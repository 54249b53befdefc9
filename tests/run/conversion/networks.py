"""Networks of a user's own, of a few channels, as `lithe convert` is given them by name."""

import torch
from torch import Tensor, nn

SMALL = "tests.run.conversion.networks:small"


def small(outputs: int = 3) -> nn.Sequential:
    """Four convolutions for 8 x 8 images: of colours, two that can be separated, and a 1x1."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(inplace=True),
            nn.Conv2d(8, 8, 3, padding=1, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(inplace=True),
            nn.Conv2d(8, 16, 3, 2, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(16, 16, 1),
            nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(16, outputs),
        )


def with_hidden(outputs: int = 3) -> nn.Sequential:
    """`small` with a linear layer before the last one."""
    return nn.Sequential(*list(small(outputs))[:-1], nn.Linear(16, 24), nn.ReLU(), nn.Linear(24, 3))


KEPT = small()  # named as it is, it is the same object for whoever asks


def four_classes() -> nn.Sequential:
    """It tells other classes apart than the images have."""
    return small(4)


def other() -> nn.Sequential:
    """Its weights are not those of `small`."""
    return nn.Sequential(nn.Conv2d(3, 5, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 3))


class Undecided(nn.Module):
    """What it computes depends on the values that it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = small()

    def forward(self, x: Tensor) -> Tensor:
        if x.mean() > 0:
            x = -x
        y: Tensor = self.layers(x)
        return y
