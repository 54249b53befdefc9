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
    with torch.device(device):
        if entry.in_torchvision:
            # What only training uses is left out; so is the drawing of weights by SciPy.
            known = {
                "googlenet": {"aux_logits": False, "init_weights": False},
                "inception_v3": {"aux_logits": False, "init_weights": False},
            }
            network = models.get_model(entry.name, weights=None, **known.get(entry.name, {}))
            sides = 299 if entry.name == "inception_v3" else 224
            shape: Shape = (1, 3, sides, sides)
        else:
            import timm

            network = timm.create_model(entry.name)
            config: Any = network.pretrained_cfg
            shape = (1, *config["input_size"])
    return network.eval().requires_grad_(False), shape
