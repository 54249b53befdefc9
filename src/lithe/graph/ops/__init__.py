"""One frozen dataclass per operator: its shape rule, its multiply-accumulates, its numbers.

Shapes are tuples in the order n c h w (n c after flattening). An operator is a value: no
weights, no names, no torch. Together with the arrays that its node names as `constants` it
fully determines what comes out, and its docstring says which those are. Adding one is one
dataclass here and one line in each door (`lithe.graph.aten`).
"""

from lithe.graph.ops.elementwise import (
    ACTIVATIONS,
    BINARY,
    PRELU,
    Activation,
    Binary,
    Dropout,
    Fused,
    Softmax,
    between,
)
from lithe.graph.ops.moving import (
    ChannelShuffle,
    Concat,
    Copy,
    Flatten,
    Pad,
    Part,
    Reshape,
    Slice,
    Transpose,
    Unknown,
)
from lithe.graph.ops.op import Op, Pair, Shape
from lithe.graph.ops.sampling import AdaptivePool2d, Mean, Pool2d, Resize
from lithe.graph.ops.weighted import BatchNorm, Conv2d, Linear

# Whatever batch norm folds into, beside a linear layer.
CONVOLUTIONS = (Conv2d,)
# Operators that may write where they read, where nobody else needs what they overwrite.
OVERWRITES = (BatchNorm, Activation)
# Operators that write nothing: their output is a second name for the bytes of their input.
ALIASES = (Flatten, Dropout, Reshape, Transpose, Slice, Part)
# Operators that work nothing out: what they make, they move.
MOVES = (*ALIASES, ChannelShuffle, Concat, Copy, Pad)

__all__ = [
    "ACTIVATIONS",
    "ALIASES",
    "BINARY",
    "CONVOLUTIONS",
    "MOVES",
    "OVERWRITES",
    "PRELU",
    "Activation",
    "AdaptivePool2d",
    "BatchNorm",
    "Binary",
    "ChannelShuffle",
    "Concat",
    "Conv2d",
    "Copy",
    "Dropout",
    "Flatten",
    "Fused",
    "Linear",
    "Mean",
    "Op",
    "Pad",
    "Pair",
    "Part",
    "Pool2d",
    "Reshape",
    "Resize",
    "Shape",
    "Slice",
    "Softmax",
    "Transpose",
    "Unknown",
    "between",
]
