"""The static side of a profile: compute, memory and parameters, known without a run."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lithe.arch import Architecture
from lithe.cost import cost
from lithe.errors import LitheError
from lithe.graph import Graph, from_arch
from lithe.graph.ops import Shape
from lithe.profiling.values import Profile

if TYPE_CHECKING:
    from torch import nn

BYTES_PER_ELEMENT = 4  # fp32, for activations and weights alike


def profile(model: "nn.Module | Architecture", input_shape: Sequence[int] | None = None) -> Profile:
    """Count a network for an input of shape n c h w; nothing is run.

    A table is read directly, without torch; any other module is captured through
    `torch.export` on a copy without storage. The shape may be left out for a table and for
    a network that was built from one: one image of the table's resolution.

    >>> from lithe.arch import architecture
    >>> profile(architecture("mobilenet_v2")).macs
    300774272

    Raises:
        LitheError: no input shape where one is needed, one that the network does not take,
            or a module that `torch.export` cannot trace.
    """
    table = model if isinstance(model, Architecture) else getattr(model, "arch", None)
    if input_shape is None:
        if not isinstance(table, Architecture):
            raise LitheError(
                f"{type(model).__name__} does not say what it takes; "
                "give the input shape, such as (1, 3, 224, 224)"
            )
        input_shape = (1, table.in_channels, table.resolution, table.resolution)
    shape = _checked(input_shape)
    name = table.label if isinstance(table, Architecture) else type(model).__name__
    return _profile(name, shape, _graph(model, shape))


def _checked(input_shape: Sequence[int]) -> Shape:
    shape = tuple(input_shape)
    if not shape or not all(isinstance(size, int) and size > 0 for size in shape):
        raise LitheError(
            f"input shape {shape} must hold whole numbers above zero, such as (1, 3, 224, 224)"
        )
    return shape


def _graph(model: "nn.Module | Architecture", shape: Shape) -> Graph:
    if isinstance(model, Architecture):
        c, h = model.in_channels, model.resolution
        if len(shape) != 4 or shape[1:] != (c, h, h):
            raise LitheError(
                f"{model.label} takes inputs of shape (n, {c}, {h}, {h}), not {shape}; "
                "give the table another resolution or number of input channels instead"
            )
        return from_arch(model, batch=shape[0])
    from torch import nn

    from lithe.graph.capture import capture

    if not isinstance(model, nn.Module):
        raise LitheError(f"a torch module or an Architecture is wanted, not {model!r}")
    return capture(model, shape)


def _profile(name: str, shape: Shape, graph: Graph) -> Profile:
    counted = cost(graph, BYTES_PER_ELEMENT)
    peak = max(counted.layers, key=lambda layer: layer.live_bytes, default=None)
    return Profile(
        name=name,
        input_shape=shape,
        macs=counted.macs,
        params=counted.params,
        param_bytes=counted.params * BYTES_PER_ELEMENT,
        peak_activation_bytes=counted.peak_activation_bytes,
        peak_layer=peak.path if peak else "",
        layers=counted.layers,
        unknown=counted.unknown,
        other_ops=counted.other_ops,
        moved_bytes=counted.moved_bytes,
    )
