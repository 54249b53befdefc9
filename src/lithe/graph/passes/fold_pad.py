"""A frame of zeros becomes the padding of the convolution that reads it."""

from dataclasses import replace

from lithe.graph.model import Model
from lithe.graph.ops import Conv2d, Pad
from lithe.graph.passes.rewriting import rebuilt


def fold_pad(model: Model) -> Model:
    """The model with every frame gone that is as wide left as right and as high above as below.

    A convolution pads both sides by the same, so any other frame stays.
    """
    frames = {
        node.output: (node.inputs[0], (node.op.top, node.op.left))
        for node in model.graph.nodes
        if isinstance(node.op, Pad)
        and (node.op.top, node.op.left, node.op.value) == (node.op.bottom, node.op.right, 0)
    }
    nodes = []
    for node in model.graph.nodes:
        if isinstance(node.op, Conv2d) and node.inputs[0] in frames:
            x, (h, w) = frames[node.inputs[0]]
            padding = node.op.padding[0] + h, node.op.padding[1] + w
            node = replace(node, op=replace(node.op, padding=padding), inputs=(x,))
        nodes.append(node)
    return rebuilt(model, nodes)
