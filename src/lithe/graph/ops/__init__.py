"""One frozen dataclass per operator: its shape rule, its multiply-accumulates, its numbers.

Shapes are tuples in the order n c h w (n c after flattening). An operator is a value: no
weights, no names, no torch. Together with the arrays that its node names as `constants` it
fully determines what comes out, and its docstring says which those are. Adding one is one
dataclass here and one line in each door (`lithe.graph.aten_rules`, `lithe.graph.onnx.rules`).
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
from lithe.graph.ops.indexing import Expand, Flip, PadAxes, Roll, Take, Windows
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
from lithe.graph.ops.norms import GroupNorm, LayerNorm, LocalResponseNorm, RmsNorm
from lithe.graph.ops.op import Op, Operands, Pair, Shape, broadcast
from lithe.graph.ops.products import AddProduct, Attention, Einsum, MatMul
from lithe.graph.ops.sampling import (
    REDUCTIONS,
    AdaptivePool2d,
    Mean,
    Pool2d,
    Pool3d,
    Reduce,
    Resize,
)
from lithe.graph.ops.weighted import BatchNorm, Conv2d, ConvNd, ConvTransposed, Linear

# Whatever batch norm folds into, beside a linear layer.
CONVOLUTIONS = (Conv2d, ConvNd, ConvTransposed)
# Operators that may write where they read, where nobody else needs what they overwrite.
OVERWRITES = (BatchNorm, Activation)
# Operators that write nothing: their output is a second name for the bytes of their input.
ALIASES = (Flatten, Dropout, Reshape, Transpose, Slice, Part, Expand, Windows)
# Operators that work nothing out: what they make, they move.
MOVES = (*ALIASES, ChannelShuffle, Concat, Copy, Flip, Pad, PadAxes, Roll, Take)

__all__ = [
    "ACTIVATIONS",
    "ALIASES",
    "BINARY",
    "CONVOLUTIONS",
    "MOVES",
    "OVERWRITES",
    "PRELU",
    "REDUCTIONS",
    "Activation",
    "AdaptivePool2d",
    "AddProduct",
    "Attention",
    "BatchNorm",
    "Binary",
    "ChannelShuffle",
    "Concat",
    "Conv2d",
    "ConvNd",
    "ConvTransposed",
    "Copy",
    "Dropout",
    "Einsum",
    "Expand",
    "Flatten",
    "Flip",
    "Fused",
    "GroupNorm",
    "LayerNorm",
    "Linear",
    "LocalResponseNorm",
    "MatMul",
    "Mean",
    "Op",
    "Operands",
    "Pad",
    "PadAxes",
    "Pair",
    "Part",
    "Pool2d",
    "Pool3d",
    "Reduce",
    "Reshape",
    "Resize",
    "RmsNorm",
    "Roll",
    "Shape",
    "Slice",
    "Softmax",
    "Take",
    "Transpose",
    "Unknown",
    "Windows",
    "between",
    "broadcast",
]
