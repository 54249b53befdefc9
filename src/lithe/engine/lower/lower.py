"""A model becomes a program: groups of nodes first, then one node at a time."""

from collections.abc import Callable

from lithe.engine.isa import InstructionSet
from lithe.engine.kernels.activation import ACTIVATIONS
from lithe.engine.lower.blocks import fuse_block
from lithe.engine.lower.context import Lowering
from lithe.engine.lower.conv import lower_conv, lower_linear
from lithe.engine.lower.elementwise import (
    lower_activation,
    lower_batch_norm,
    lower_binary,
)
from lithe.engine.lower.moving import (
    lower_concat,
    lower_pad,
    lower_reshape,
    lower_shuffle,
    lower_slice,
    lower_transpose,
    shuffle_concat,
)
from lithe.engine.lower.sampling import (
    lower_adaptive_pool,
    lower_mean,
    lower_pool,
    lower_resize,
    lower_softmax,
)
from lithe.engine.lower.tensor import in_own_buffer
from lithe.engine.program import Program, Step
from lithe.errors import LitheError
from lithe.graph import Node
from lithe.graph.model import Model
from lithe.graph.ops import (
    PRELU,
    Activation,
    AdaptivePool2d,
    BatchNorm,
    Binary,
    ChannelShuffle,
    Concat,
    Conv2d,
    Copy,
    Dropout,
    Flatten,
    Fused,
    Linear,
    Mean,
    Op,
    Pad,
    Part,
    Pool2d,
    Reshape,
    Resize,
    Slice,
    Softmax,
    Transpose,
    Unknown,
)

# Each looks at the node of that index and those after it and says how many it has lowered.
Grouper = Callable[[Lowering, int], int]
GROUPERS: tuple[Grouper, ...] = (fuse_block, shuffle_concat)

# What lowers one node, by its operator or, where it is fused, by the operator inside.
Rule = Callable[[Lowering, Node], None]
LOWERINGS: dict[type[Op], Rule] = {
    Activation: lower_activation,
    AdaptivePool2d: lower_adaptive_pool,
    BatchNorm: lower_batch_norm,
    Binary: lower_binary,
    ChannelShuffle: lower_shuffle,
    Concat: lower_concat,
    Conv2d: lower_conv,
    Copy: lower_reshape,
    Dropout: lower_reshape,
    Flatten: lower_reshape,
    Linear: lower_linear,
    Mean: lower_mean,
    Pad: lower_pad,
    Pool2d: lower_pool,
    Reshape: lower_reshape,
    Resize: lower_resize,
    Slice: lower_slice,
    Softmax: lower_softmax,
    Transpose: lower_transpose,
}
# Operators whose kernels end with what is fused to them.
FUSED = (AdaptivePool2d, BatchNorm, Binary, Conv2d, Linear, Pool2d)


def lower(
    model: Model,
    isa: InstructionSet,
    threads: int,
    groupers: tuple[Grouper, ...] = GROUPERS,
    *,
    packs: bool = True,
) -> Program:
    """The program of a simplified model; to be looked at, not to be run, unless it `packs` weights.

    Raises:
        LitheError: operators without a rule here; names each with its module and source line.
    """
    shapes = model.graph.shapes
    unknown = [node for node in model.graph.nodes if not is_known(node.op)]
    if unknown:
        raise LitheError(
            f"the engine has no kernel for {'; '.join(map(_described, unknown))}; "
            "fallback=True runs such parts in PyTorch"
        )
    empty = [name for name, shape in shapes.items() if 0 in shape]
    if empty:
        raise LitheError(
            f"the tensor {empty[0]} of shape {shapes[empty[0]]} holds nothing to compute"
        )
    context = Lowering(model, isa, threads, packs)
    index = 0
    while index < len(model.graph.nodes):
        index += _lower_at(context, index, groupers)
    return context.program()


def lower_first(
    model: Model, isa: InstructionSet, threads: int, *, inside: bool
) -> tuple[int, tuple[Step, ...]]:
    """How many nodes are lowered together at the beginning of a model, and their steps.

    With `inside` the model is cut out of a larger one: its inputs, n c h w or rows, are
    what steps before it left in the arena. Nothing is packed.
    """
    context = Lowering(model, isa, threads, packs=False)
    if inside:
        for name in model.graph.inputs:
            context.alias(name, in_own_buffer(name, model.graph.shapes[name]))
    taken = _lower_at(context, 0, GROUPERS)
    return taken, context.so_far


def _lower_at(context: Lowering, index: int, groupers: tuple[Grouper, ...]) -> int:
    """Lower the node of that index, with those after it that belong to it; how many that is."""
    taken, before = 0, context.steps
    for group in groupers:
        taken = taken or group(context, index)
    if not taken:
        (node,) = context.nodes(index, 1)
        LOWERINGS[type(_inner(node.op))](context, node)
        taken = 1
    context.lowered(context.nodes(index, taken), before)
    return taken


def is_known(op: Op) -> bool:
    """Whether there is a kernel for an operator, with what is fused to it."""
    inner = _inner(op)
    activation = op.activation if isinstance(op, Fused) else op
    if isinstance(activation, Activation) and activation.kind not in (*ACTIVATIONS, PRELU):
        return False
    match inner:
        case Concat(operands=[_, *_]) | Softmax(log=True) | Resize(mode="bicubic"):
            return False
    return type(inner) in LOWERINGS and (inner is op or isinstance(inner, FUSED))


def _inner(op: Op) -> Op:
    return op.op if isinstance(op, Fused) else op


def _described(node: Node) -> str:
    op = _inner(node.op)
    activation = node.op.activation if isinstance(node.op, Fused) else op
    if isinstance(activation, Activation) and activation.kind not in ACTIVATIONS:
        op = activation
    match op:
        case Unknown(name=name) | Activation(kind=name):
            pass
        case _:
            name = type(op).__name__
    if isinstance(op, Part):
        name = f"part {op.index} of several outputs"
    where = ", ".join(filter(None, (f"module {node.path}" if node.path else "", node.source)))
    return f"{name} ({where})" if where else name
