"""The static side of a profile: compute, memory and parameters, known without a run."""

from collections.abc import Sequence

from lithe.cost import cost
from lithe.graph import Graph
from lithe.graph.ops import Shape
from lithe.profiling.subject import Source, graph_of, subject_of
from lithe.profiling.values import Profile

BYTES_PER_ELEMENT = 4  # fp32, for activations and weights alike


def static_profile(source: Source, input_shape: Sequence[int] | None = None) -> Profile:
    """Count a network for an input of shape n c h w; nothing is run.

    A table is read directly, without torch; any other module is captured through
    `torch.export` on a copy without storage. The shape may be left out for a table and for
    a network that was built from one: one image of the table's resolution; also for a file.

    >>> from lithe.arch import architecture
    >>> static_profile(architecture("mobilenet_v2")).macs
    300774272

    Raises:
        LitheError: no input shape where one is needed, one that the network does not take,
            a module that `torch.export` cannot trace, or a file that cannot be read.
    """
    subject = subject_of(source, input_shape)
    return counted(subject.name, subject.shape, graph_of(subject))


def counted(name: str, shape: Shape, graph: Graph) -> Profile:
    """What is known of a graph without a run, under the name of its network."""
    count = cost(graph, BYTES_PER_ELEMENT)
    peak = max(count.layers, key=lambda layer: layer.live_bytes, default=None)
    return Profile(
        name=name,
        input_shape=shape,
        macs=count.macs,
        params=count.params,
        param_bytes=count.params * BYTES_PER_ELEMENT,
        peak_activation_bytes=count.peak_activation_bytes,
        peak_layer=peak.path if peak else "",
        layers=count.layers,
        unknown=count.unknown,
        other_ops=count.other_ops,
        moved_bytes=count.moved_bytes,
    )
