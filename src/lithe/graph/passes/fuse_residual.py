"""An addition becomes the last thing that the convolution before it does."""

from dataclasses import replace

from lithe.graph.graph import Node
from lithe.graph.model import Model
from lithe.graph.ops import Binary, Conv2d, Fused, Linear
from lithe.graph.passes.rewriting import read_counts, rebuilt


def fuse_residual(model: Model) -> Model:
    """op(x) + y as one operator of x and y, for convolutions and linear layers.

    Only where both sides have one shape and nobody else reads op(x). Where either side
    could take the other in, it is the later one, which needs the other for no longer.
    """
    graph = model.graph
    counts = read_counts(graph)
    index = {node.output: i for i, node in enumerate(graph.nodes)}
    nodes: list[Node | None] = list(graph.nodes)
    for i, node in enumerate(graph.nodes):
        if node.op != Binary("add") or len({graph.shapes[name] for name in node.inputs}) != 1:
            continue
        if len(node.inputs) != 2:
            continue
        able = [
            name
            for name in node.inputs
            if counts[name] == 1
            and name in index
            and isinstance(graph.nodes[index[name]].op, Conv2d | Linear)
        ]
        if not able:
            continue
        last = max(able, key=index.__getitem__)
        other = node.inputs[1 - node.inputs.index(last)]
        producer = graph.nodes[index[last]]
        # It runs where the addition stood: there the other side is ready.
        nodes[index[last]] = None
        nodes[i] = replace(
            producer,
            op=Fused(producer.op, residual=True),
            inputs=(*producer.inputs, other),
            output=node.output,
        )
    return rebuilt(model, [node for node in nodes if node is not None])
