"""Batch norm becomes part of the convolution or linear layer before it.

With s = weight / sqrt(var + eps), norm(W x + b) = (s W) x + s (b - mean) + bias. Worked out
in float64 and rounded once.
"""

from dataclasses import replace

import numpy as np

from lithe.graph.graph import Node
from lithe.graph.model import Array, Model
from lithe.graph.ops import BatchNorm, Conv2d, Linear
from lithe.graph.passes.rewriting import read_counts, rebuilt


def fold_batch_norm(model: Model) -> Model:
    """The model with every batch norm folded that nobody can tell from what it follows.

    One that follows something else, or something that others read too, stays.
    """
    graph = model.graph
    counts = read_counts(graph)
    nodes: list[Node] = []
    place: dict[str, int] = {}
    added: dict[str, Array] = {}
    for node in graph.nodes:
        before = nodes[place[node.inputs[0]]] if node.inputs and node.inputs[0] in place else None
        if (
            isinstance(node.op, BatchNorm)
            and before is not None
            and counts[before.output] == 1
            and (
                isinstance(before.op, Conv2d)
                # A linear layer makes its channels the last axis, and batch norm's is axis 1.
                or (isinstance(before.op, Linear) and len(graph.shapes[before.output]) == 2)
            )
        ):
            folded, arrays = _folded(before, node, {**model.values, **added})
            added |= arrays
            place[folded.output] = place.pop(before.output)
            nodes[place[folded.output]] = folded
            continue
        place[node.output] = len(nodes)
        nodes.append(node)
    return rebuilt(model, nodes, added=added)


def _folded(layer: Node, norm: Node, values: dict[str, Array]) -> tuple[Node, dict[str, Array]]:
    assert isinstance(norm.op, BatchNorm)
    assert isinstance(layer.op, Conv2d | Linear)
    held = values[layer.constants[0]]
    rest = [np.asarray(values[name], np.float64) for name in layer.constants[1:]]
    gamma, beta, mean, var = (np.asarray(values[name], np.float64) for name in norm.constants)
    with np.errstate(all="ignore"):  # a variance of zero is the network's affair
        scale = gamma / np.sqrt(var + norm.op.eps)
        bias = (rest[0] if rest else 0.0) * scale + (beta - mean * scale)
        weight = _scaled(held, scale)
    dtype = held.dtype if held.dtype == np.float64 else np.dtype(np.float32)
    names = f"folded:{norm.output}:weight", f"folded:{norm.output}:bias"
    node = replace(
        layer,
        op=replace(layer.op, bias=True),
        output=norm.output,
        params=tuple(dict.fromkeys((*layer.params, *norm.params))),
        buffers=tuple(dict.fromkeys((*layer.buffers, *norm.buffers))),
        constants=names,
    )
    with np.errstate(all="ignore"):
        return node, {names[0]: weight.astype(dtype, copy=False), names[1]: bias.astype(dtype)}


def _scaled(weight: Array, scale: Array) -> Array:
    """The filters times their factors, in float64."""
    if not any(weight.strides) and not weight.flat[0] and np.isfinite(scale).all():
        return weight  # of `zero_model`: one zero for all, whatever it is scaled by
    return np.asarray(weight, np.float64) * scale.reshape(-1, *[1] * (weight.ndim - 1))
