"""A model becomes a program: groups of nodes first, then one node at a time."""

from collections.abc import Callable

from lithe.engine.isa import InstructionSet
from lithe.engine.lower.blocks import fuse_block
from lithe.engine.lower.context import Lowering
from lithe.engine.lower.conv import lower_conv
from lithe.engine.program import Program
from lithe.errors import LitheError
from lithe.graph import Node
from lithe.graph.model import Model
from lithe.graph.ops import Conv2d, Fused, Linear, Op

# Each looks at the node of that index and those after it and says how many it has lowered.
Grouper = Callable[[Lowering, int], int]
GROUPERS: tuple[Grouper, ...] = (fuse_block,)

# What lowers one node, by its operator or, where it is fused, by the operator inside.
Rule = Callable[[Lowering, Node], None]
LOWERINGS: dict[type[Op], Rule] = {
    Conv2d: lower_conv,
    Linear: lower_conv,
}


def lower(
    model: Model, isa: InstructionSet, threads: int, groupers: tuple[Grouper, ...] = GROUPERS
) -> Program:
    """The program of a simplified model.

    Raises:
        LitheError: operators without a rule here; names each with its module and source line.
    """
    context = Lowering(model, isa, threads)
    nodes = model.graph.nodes
    unknown = [node for node in nodes if type(_inner(node.op)) not in LOWERINGS]
    if unknown:
        raise LitheError("; ".join(f"{node.op} at {node.path} ({node.source})" for node in unknown))
    index = 0
    while index < len(nodes):
        taken = 0
        for group in groupers:
            taken = taken or group(context, index)
        if not taken:
            LOWERINGS[type(_inner(nodes[index].op))](context, nodes[index])
        index += taken or 1
    return context.program()


def _inner(op: Op) -> Op:
    return op.op if isinstance(op, Fused) else op
