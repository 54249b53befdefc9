"""The cost of networks that have no table here, from torchvision's reference code."""

import torch

from lithe.cost import Cost, cost
from lithe.graph.capture import capture
from lithe.nets.torchvision_compat import models

# Arguments that keep a builder from drawing weights, which takes some of them a minute.
_ARGUMENTS = {"googlenet": {"init_weights": False}}


def reference_cost(name: str, resolution: int) -> Cost:
    """The cost of a torchvision classifier for one square RGB image.

    The network is built without storage: nothing is drawn and nothing downloaded.

    Raises:
        LitheError: the network cannot be captured at that resolution.
    """
    with torch.device("meta"):
        network = models.get_model(name, weights=None, **_ARGUMENTS.get(name, {}))
    return cost(capture(network, (1, 3, resolution, resolution)))
