"""Whether a network is a convolutional one, asked before anything long begins."""

from pathlib import Path

from lithe.arch import Architecture
from lithe.cost import layers
from lithe.errors import LitheError
from lithe.graph import Graph
from lithe.graph.model import Model
from lithe.nets.find import Found

# What a layer may be in a network without a single convolution.
_NO_CONVOLUTION = {"linear", "matmul", "other"}


def check_convolutional(found: Found) -> None:
    """Make sure that a network holds a convolution, or something that might be one.

    A module that is built of torch's convolutions is not captured for it.

    Raises:
        LitheError: it holds none, or it cannot be captured for its input.
    """
    graph = _graph(found)
    if graph is None:
        return
    kinds = {layer.kind for layer in layers(graph)}
    if kinds <= _NO_CONVOLUTION:
        raise LitheError(
            f"{found.name} is no convolutional network: among its {len(layers(graph))} layers "
            f"({', '.join(sorted(kinds))}) is no convolution"
        )


def _graph(found: Found) -> Graph | None:
    """The graph, where one has to look at it."""
    if isinstance(found.model, Architecture | Path):
        return None
    if isinstance(found.model, Model):
        return found.model.graph
    from torch.nn.modules.conv import _ConvNd

    if any(isinstance(part, _ConvNd) for part in found.model.modules()):
        return None
    from lithe.graph.capture import capture

    return capture(found.model, found.input_shape)
