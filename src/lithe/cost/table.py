"""The cost of a table without its graph: block by block, each kind of block counted once.

While a block runs, nothing of the blocks before is alive but its input, so the network's
peak is the highest of its blocks'. A search prices thousands of tables that are made of a
few kinds of block. A test holds this against counting the graph.
"""

from dataclasses import dataclass
from functools import lru_cache

from lithe.arch import (
    Architecture,
    Block,
    Conv,
    DepthwiseSeparable,
    FusedInvertedResidual,
    InvertedResidual,
    unroll,
)
from lithe.cost.count import cost
from lithe.graph import from_arch

_BYTES = 4  # of an element


@dataclass(frozen=True, slots=True)
class TableCost:
    """What `lithe.cost.cost` counts of a table's network at batch 1 in float32, in all."""

    macs: int
    params: int
    peak_activation_bytes: int


def table_cost(arch: Architecture) -> TableCost:
    """Count a table: in some 50 microseconds once its kinds of block are known.

    Raises:
        LitheError: the table cannot be unrolled (see `lithe.arch.unroll`).
    """
    blocks = unroll(arch)
    if not all(map(_stands_alone, blocks)):
        counted = cost(from_arch(arch))
        return TableCost(counted.macs, counted.params, counted.peak_activation_bytes)
    last = blocks[-1]
    c = last.c_out
    # Average pooling reads the last map, the classifier its means.
    peak = max(c * last.h_out**2 + c, c + arch.num_classes)
    macs, params = c * arch.num_classes, (c + 1) * arch.num_classes
    for block in blocks:
        row = block.row
        counted_macs, counted_params, live = _count(
            type(row),
            getattr(row, "t", 1),
            row.k,
            (block.c_in, block.c_squeezed, block.c_out),
            (block.h_in, block.h_out),
            block.adds_input,
        )
        macs += counted_macs
        params += counted_params
        peak = max(peak, live)
    return TableCost(macs, params, _BYTES * peak)


def _stands_alone(block: Block) -> bool:
    """Whether no block before or after reads anything but a block's output."""
    row = block.row
    return not (isinstance(row, InvertedResidual) and row.shortcut == "expansion")


class _Count:
    """A block under count, layer by layer: elements of what is alive beside it.

    `x` are the elements of the tensor that the next layer reads.
    """

    def __init__(self, x: int) -> None:
        self.x = x
        self.kept = 0  # elements of other tensors that are read later
        self.macs = self.params = self.peak = 0

    def layer(self, out: int, macs: int = 0, params: int = 0) -> None:
        """A layer reads x and makes `out` elements."""
        self.peak = max(self.peak, self.kept + self.x + out)
        self.macs += macs
        self.params += params
        self.x = out

    def conv(self, c_in: int, c_out: int, size: int, k: int = 1) -> None:
        """A convolution to a map of size x size, with batch norm."""
        weights = c_in * c_out * k * k
        self.layer(c_out * size**2, weights * size**2, weights + 2 * c_out)

    def depthwise(self, c: int, size: int, k: int) -> None:
        """The same, every channel by itself."""
        self.layer(c * size**2, c * k * k * size**2, c * k * k + 2 * c)

    def squeeze(self, c: int, c_squeezed: int) -> None:
        """Squeeze-and-excite over what was made last, if there are squeezed channels."""
        if not c_squeezed:
            return
        image = self.x
        self.layer_beside(image, c)
        self.kept += image
        self.layer(c_squeezed, c * c_squeezed, (c + 1) * c_squeezed)
        self.layer(c, c * c_squeezed, (c_squeezed + 1) * c)
        self.layer(image)  # the gate times the image
        self.kept -= image

    def layer_beside(self, x: int, out: int) -> None:
        """A layer whose input stays: it reads x and makes `out` elements."""
        self.peak = max(self.peak, self.kept + x + out)
        self.x = out


@lru_cache(maxsize=1 << 16)
def _count(
    row: type,
    t: int,
    k: int,
    channels: tuple[int, int, int],
    sizes: tuple[int, int],
    adds_input: bool,
) -> tuple[int, int, int]:
    """MACs, parameters, and the most elements alive at once."""
    (c_in, c_squeezed, c_out), (h_in, h) = channels, sizes
    x = c_in * h_in**2
    count = _Count(x)
    c = c_in * t
    if row is Conv:
        count.conv(c_in, c_out, h, k)
    elif row is FusedInvertedResidual:
        count.conv(c_in, c_out if t == 1 else c, h, k)
        _keep(count, x, adds_input)
        if t > 1:
            count.conv(c, c_out, h)
    else:
        assert row in (DepthwiseSeparable, InvertedResidual)
        if t > 1 and row is InvertedResidual:
            count.conv(c_in, c, h_in)
            _keep(count, x, adds_input)
            count.depthwise(c, h, k)
        else:
            count.depthwise(c, h, k)
            _keep(count, x, adds_input)
        count.squeeze(c, c_squeezed)
        count.conv(c, c_out, h)
    if adds_input:
        count.layer(c_out * h**2)  # reads the block's input too, which is kept
    return count.macs, count.params, count.peak


def _keep(count: _Count, x: int, adds_input: bool) -> None:
    """The block's input stays alive after its first layer where it is added in the end."""
    count.kept = x if adds_input else 0
