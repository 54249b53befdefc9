"""Whether a network is still what its table says, so that the table can speak for it."""

from typing import Any

import numpy as np
import torch

from lithe.nets.build import Network


def as_built(network: Network) -> bool:
    """The modules are those of the table, with no hook, no forward and no weight of their own.

    torch's text of a module names every layer with what it is set to. Not looked at: code
    that was changed in a class.
    """
    if type(network) is not Network:
        return False
    with torch.device("meta"):
        fresh = Network(network.arch)
    if repr(network) != repr(fresh):
        return False
    weights = {name: (w.dtype, w.shape) for name, w in network.state_dict().items()}
    if weights != {name: (w.dtype, w.shape) for name, w in fresh.state_dict().items()}:
        return False
    return not any(
        module._forward_hooks or module._forward_pre_hooks or "forward" in vars(module)
        for module in network.modules()
    )


def arrays_of(network: Network) -> dict[str, np.ndarray[Any, np.dtype[Any]]]:
    """The network's weights by name, on the CPU the very same memory."""
    return {name: tensor.detach().cpu().numpy() for name, tensor in network.state_dict().items()}
