"""A row of a convolution as matrix products over n h w c: the heart of the engine.

For one output row and one panel of output channels,

    out[x, c] = act(bias[c] + sum over r, kx, k of in[r][x * stride + kx * dilation - pad, k]
                                             * weight[r, kx, k, c] + residual[x, c])

where `r` counts input rows given by pointer, `kx` the columns of the kernel and `k` the
channels. A pointwise convolution has one row and one column. A tile of pixels x vectors of
channels is kept in registers over the whole sum; what lies left and right of the image is
never read, the terms are left out when the kernel is written.
"""

from math import ceil

from lithe.engine.ir import Function
from lithe.engine.isa import InstructionSet
from lithe.engine.kernels.row_conv import RowConv
from lithe.engine.kernels.tile import write_tiles


def panel_function(isa: InstructionSet, name: str, conv: RowConv, channels: int) -> str:
    """`name(ptr rows, i64 low, i64 high, ptr weights, ptr bias, ptr out, ptr residual)`.

    Computes `channels` (a panel or its rest) of every pixel of the row. `rows` is the row
    itself where there is one, else an array of pointers of which low to high - 1 are inside
    the image.
    """
    f = Function(
        isa,
        name,
        [
            ("ptr", "rows"),
            ("i64", "low"),
            ("i64", "high"),
            ("ptr noalias", "weights"),
            ("ptr", "bias"),
            ("ptr", "out"),
            ("ptr", "residual"),
        ],
    )
    vectors = ceil(channels / isa.lanes)
    bias = [f.load(f.at("%bias", j * isa.lanes)) for j in range(vectors)]
    for run in conv.runs():
        write_tiles(f, conv, run, channels, bias)
    return f.text
