"""What a row of a convolution is: its shape, its tiles, its weights as they are packed."""

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from lithe.engine.isa import InstructionSet
from lithe.engine.kernels.row_tiles import Columns, Run, tile_runs

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class RowConv:
    """Shape of a row's work: pixels x n outputs of rows x columns x k products each.

    `in_pitch` and `out_pitch` are the floats from a pixel to its right neighbour. `tile` is
    (pixels, vectors); a panel is as many channels as fit into the tile's vectors.
    """

    pixels: int
    n: int
    k: int
    in_pitch: int
    out_pitch: int
    tile: tuple[int, int]
    rows: int = 1
    columns: int = 1
    stride: int = 1
    dilation: int = 1
    pad: int = 0
    width_in: int = 0
    activation: str = ""
    act_args: tuple[float, ...] = ()
    residual_pitch: int = 0  # 0: no residual
    prefetch: bool = False  # ask for the weights that come later while computing with these
    direct: bool = False  # the one row is given itself, not in an array of pointers

    def panel_width(self, isa: InstructionSet) -> int:
        """Channels of a full panel."""
        return min(self.tile[1], ceil(self.n / isa.lanes)) * isa.lanes

    def panels(self, isa: InstructionSet) -> int:
        """Panels that hold all `n` channels."""
        return ceil(self.n / self.panel_width(isa))

    def runs(self) -> list[Run]:
        """The tiles of the row."""
        columns = Columns(self.columns, self.stride, self.dilation, self.pad, self.width_in)
        return tile_runs(self.pixels, self.tile[0], columns)


def pack_panels(weight: Floats, width: int, lanes: int) -> Floats:
    """Weights (rows, columns, k, n) as [panel][row][column][k][width], the end filled with 0.

    The last panel is only as wide as its whole vectors.
    """
    n = weight.shape[3]
    panels = []
    for start in range(0, n, width):
        part = weight[..., start : start + width]
        full = width if n - start >= width else ceil((n - start) / lanes) * lanes
        padded = np.zeros((*weight.shape[:3], full), np.float32)
        padded[..., : part.shape[3]] = part
        panels.append(padded.reshape(-1))
    return np.concatenate(panels)


def pad_bias(bias: Floats, lanes: int) -> Floats:
    """A bias with zeros up to whole vectors."""
    padded = np.zeros(ceil(len(bias) / lanes) * lanes, np.float32)
    padded[: len(bias)] = bias
    return padded
