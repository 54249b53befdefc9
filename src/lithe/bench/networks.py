"""A benchmark network with weights that are random and yet keep its activations alive.

Freshly drawn weights let activations die or explode over fifty layers, and equal logits of
such a network say nothing. So batch norms get random scales and shifts, and the statistics of
what really flows through them; then different images have clearly different logits.

The shifts lie around 0.5, so that ReLU cuts off a third. With shifts around 0 it cuts off half,
and such a network doubles a difference every few layers: bf16 would be a fifth of the largest
logit away from float64, an order of magnitude more than with 0.5.
"""

import torch
from torch import Tensor, nn

from lithe.bench.cells import Network
from lithe.nets.build import create
from lithe.nets.libraries import from_library

SEED = 0
CALIBRATION_IMAGES = 8


def build_network(network: Network, resolution: int) -> nn.Module:
    """The network as its library builds it, in eval mode; ours with its paper's strides.

    Raises:
        LitheError: the library is missing or does not know the name.
    """
    torch.manual_seed(SEED)
    if network.source == "lithe":
        # The paper's strides: on small inputs our own default keeps maps larger, and costs more.
        built: nn.Module = create(
            network.name, width=network.width, resolution=resolution, paper_strides=True
        )
        return built.eval()
    return from_library(network.source, network.name)


def enliven(model: nn.Module, resolution: int) -> None:
    """Give batch norms random scales and shifts and the statistics of their inputs, in place."""
    generator = torch.Generator().manual_seed(SEED + 1)
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    with torch.no_grad():
        for norm in norms:
            norm.weight.uniform_(0.5, 1.5, generator=generator)
            norm.bias.normal_(0.5, 0.2, generator=generator)
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean of what it sees, which is one batch
        norm.train()
    with torch.no_grad():
        model(images(CALIBRATION_IMAGES, resolution))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()


def images(batch: int, resolution: int) -> Tensor:
    """Random images, (n, 3, h, w) with h = w = resolution; the same at every call."""
    generator = torch.Generator().manual_seed(SEED + 2)
    return torch.randn(batch, 3, resolution, resolution, generator=generator)
