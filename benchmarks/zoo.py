"""The classification networks of timm and torchvision, built without weights' memory."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from lithe.graph.ops import Shape
from lithe.nets.torchvision_compat import models


@dataclass(frozen=True, slots=True)
class Entry:
    """One network by the name that its library gives it.

    `family` is the module of `timm.models` that it is from; torchvision is one family.
    """

    name: str
    family: str

    @property
    def in_torchvision(self) -> bool:
        return self.family == "torchvision"


def entries() -> tuple[Entry, ...]:
    """All of timm, family by family, and torchvision's classification networks."""
    import timm  # after torchvision_compat, see there

    of_timm = [
        Entry(name, family)
        for family in timm.list_modules()
        for name in timm.list_models(module=family)
    ]
    of_torchvision = [Entry(name, "torchvision") for name in models.list_models(module=models)]
    return (*of_timm, *of_torchvision)


def build(entry: Entry, device: str = "meta") -> tuple[nn.Module, Shape]:
    """The network in inference mode and the shape of one image that it was made for.

    Its weights have no memory on the device `meta`, and want no gradients.
    """
    try:
        with torch.device(device):
            network, shape = _built(entry)
    except NotImplementedError:  # works out its widths with tensors
        network, shape = _built(entry)
    return network.to(device).eval().requires_grad_(False), shape


def _built(entry: Entry) -> tuple[nn.Module, Shape]:
    if not entry.in_torchvision:
        import timm

        network: Any = timm.create_model(entry.name)
        return network, (1, *network.pretrained_cfg["input_size"])
    # What only training uses is left out; so is the drawing of weights by SciPy.
    inception = {"aux_logits": False, "init_weights": False}
    options = {"googlenet": inception, "inception_v3": inception}.get(entry.name, {})
    side = 299 if entry.name == "inception_v3" else 224
    return models.get_model(entry.name, weights=None, **options), (1, 3, side, side)
