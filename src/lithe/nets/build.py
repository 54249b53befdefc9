"""From a table to a torch network."""

import math

from torch import Tensor, nn

from lithe.arch import Architecture, architecture, unroll
from lithe.nets.blocks import ExpansionShortcutBlock, make_block
from lithe.nets.card import ModelCard


class Network(nn.Module):
    """Blocks, global average pooling, dropout, classifier.

    (n, c, h, w) -> (n, classes) logits. `arch` is the table that it was built from, `card`
    what its model file says of it (None for a network that is from no file). The network
    takes any input size; its strides are those of `arch.resolution`.
    """

    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        self.arch = arch
        self.card: ModelCard | None = None
        self.blocks = nn.ModuleList()
        c, c_wide = arch.in_channels, None
        for block in unroll(arch):
            module = make_block(block, c_wide)
            c_wide = module.c_wide if isinstance(module, ExpansionShortcutBlock) else None
            self.blocks.append(module)
            c = block.c_out
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.dropout = nn.Dropout(arch.dropout)
        self.classifier = nn.Linear(c, arch.num_classes)
        _initialize(self)

    def features(self, x: Tensor) -> Tensor:
        """The last feature map, (n, c_last, h_last, w_last)."""
        wide: Tensor | None = None
        for block in self.blocks:
            if isinstance(block, ExpansionShortcutBlock):
                x, wide = block(x, wide)
            else:
                x, wide = block(x), None
        return x

    def forward(self, x: Tensor) -> Tensor:
        """Logits of a batch of images."""
        logits: Tensor = self.classifier(self.dropout(self.flatten(self.pool(self.features(x)))))
        return logits


def _initialize(network: Network) -> None:
    """He initialisation by fan-out for convolutions, a small normal for the classifier."""
    if network.classifier.weight.is_meta:
        return  # nothing to draw, and torch's rule for it would take two seconds to import
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels
            nn.init.normal_(module.weight, std=math.sqrt(2 * module.groups / fan_out))
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.01)
            nn.init.zeros_(module.bias)


def build(arch: Architecture) -> Network:
    """The network of a table, with freshly drawn weights.

    Raises:
        LitheError: the table cannot be unrolled (see `lithe.arch.unroll`).
    """
    return Network(arch)


def create(
    name: str,
    *,
    width: float | None = None,
    resolution: int = 224,
    num_classes: int = 1000,
    in_channels: int = 3,
    dropout: float | None = None,
    paper_strides: bool = False,
) -> Network:
    """The network of a named architecture, with freshly drawn weights.

    The arguments, and what is raised, are those of `lithe.arch.architecture`.
    """
    return build(
        architecture(
            name,
            width=width,
            resolution=resolution,
            num_classes=num_classes,
            in_channels=in_channels,
            dropout=dropout,
            paper_strides=paper_strides,
        )
    )
