"""x sigmoid(x) is SiLU and x hardsigmoid(x) is hard swish, where a network spells them out."""

from dataclasses import replace

from lithe.graph.model import Model
from lithe.graph.ops import Activation, Binary
from lithe.graph.passes.rewriting import rebuilt

GATED = {"sigmoid": "silu", "hardsigmoid": "hardswish"}


def recognise_activation(model: Model) -> Model:
    """One activation for a tensor that is multiplied by its own gate."""
    gates = {
        node.output: (node.inputs[0], GATED[node.op.kind])
        for node in model.graph.nodes
        if isinstance(node.op, Activation) and node.op.kind in GATED
    }
    nodes = []
    for node in model.graph.nodes:
        if node.op == Binary("mul") and len(node.inputs) == 2:
            for x, gate in (node.inputs, node.inputs[::-1]):
                if gate in gates and gates[gate][0] == x:
                    node = replace(node, op=Activation(gates[gate][1]), inputs=(x,))
                    break
        nodes.append(node)
    return rebuilt(model, nodes)
