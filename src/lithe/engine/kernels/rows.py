"""A row of a convolution as matrix products over n h w c: the heart of the engine.

For one output row and one panel of output channels,

    out[x, c] = act(bias[c] + sum over r, kx, k of in[r][x * stride + kx * dilation - pad, k]
                                             * weight[r, kx, k, c] + residual[x, c])

where `r` counts input rows given by pointer, `kx` the columns of the kernel and `k` the
channels. A pointwise convolution has one row and one column. A tile of pixels x vectors of
channels is kept in registers over the whole sum; what lies left and right of the image is
never read, the terms are left out when the kernel is written.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from lithe.engine.ir import Function, Value
from lithe.engine.isa import InstructionSet
from lithe.engine.kernels.activation import activate

Floats = NDArray[np.float32]
Ranges = tuple[tuple[int, int], ...]


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

    def panel_floats(self, isa: InstructionSet) -> int:
        """Packed weights of one full panel."""
        return self.rows * self.columns * self.k * self.panel_width(isa)


@dataclass(frozen=True, slots=True)
class Ahead:
    """Cache lines to ask for while computing: `lines` at each of the first `steps`."""

    place: str
    lines: int
    steps: int


_LINE = 16  # float32 of a cache line
# float32 that the stream of weights is asked for in advance: a quarter of a second-level cache
_DISTANCE = 65536


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


def _valid(conv: RowConv, first: int, count: int) -> Ranges:
    """Per kernel column, the range of a tile's pixels whose input lies inside the image."""
    if not conv.width_in:
        return ((0, count),) * conv.columns
    ranges = []
    for kx in range(conv.columns):
        shift = kx * conv.dilation - conv.pad
        inside = [p for p in range(count) if 0 <= (first + p) * conv.stride + shift < conv.width_in]
        ranges.append((inside[0], inside[-1] + 1) if inside else (0, 0))
    return tuple(ranges)


def tile_runs(conv: RowConv) -> list[tuple[int, int, int, Ranges]]:
    """(first pixel, pixels of a tile, tiles, valid ranges) of runs of equal tiles in a row."""
    runs: list[tuple[int, int, int, Ranges]] = []
    size = conv.tile[0]
    for first in range(0, conv.pixels, size):
        count = min(size, conv.pixels - first)
        valid = _valid(conv, first, count)
        if runs and runs[-1][1] == count and runs[-1][3] == valid:
            start, _, tiles, _ = runs[-1]
            runs[-1] = (start, count, tiles + 1, valid)
        else:
            runs.append((first, count, 1, valid))
    return runs


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
    last = channels - (vectors - 1) * isa.lanes
    bias = [f.load(f.at("%bias", j * isa.lanes)) for j in range(vectors)]
    for first, count, tiles, valid in tile_runs(conv):
        _tiles(f, conv, (first, count, tiles), valid, (vectors, last), bias)
    return f.text


def _tiles(
    f: Function,
    conv: RowConv,
    run: tuple[int, int, int],
    valid: Ranges,
    width: tuple[int, int],
    bias: list[str],
) -> None:
    first, count, tiles = run

    def tile(index: Value, _: list[str]) -> list[str]:
        ahead = None
        if conv.prefetch:
            ahead = _ahead(f, conv, f.add(index, first // conv.tile[0]), width[0])
        x = f.add(f.mul(index, count), first)
        _tile(f, conv, x, count, valid, width, bias, ahead)
        return []

    f.loop(0, tiles, [], tile)


def _tile(
    f: Function,
    conv: RowConv,
    x: Value,
    count: int,
    valid: Ranges,
    panel: tuple[int, int],
    bias: list[str],
    ahead: Ahead | None,
) -> None:
    vectors, last = panel
    lanes = f.isa.lanes
    width = vectors * lanes
    column = conv.k * width
    shift = f.sub(f.mul(x, conv.stride * conv.in_pitch), conv.pad * conv.in_pitch)
    accumulators = bias * count

    def row(r: Value, accumulators: list[str]) -> list[str]:
        if conv.direct:
            source = "%rows"
        else:
            where = f.let(f"getelementptr ptr, ptr %rows, i64 {r}")
            source = f.let(f"load ptr, ptr {where}, align 8")
        source = f.at(source, shift)
        weights = f.at("%weights", f.mul(r, conv.columns * column))
        accumulators = list(accumulators)
        for kx, (begin, end) in enumerate(valid):
            if begin == end:
                continue
            taps = f.at(source, (kx * conv.dilation + begin * conv.stride) * conv.in_pitch)
            part = slice(begin * vectors, end * vectors)
            accumulators[part] = _products(
                f, conv, taps, f.at(weights, kx * column), accumulators[part], vectors, ahead
            )
        return accumulators

    accumulators = (
        row(0, accumulators) if conv.direct else f.loop("%low", "%high", accumulators, row)
    )
    out = f.at("%out", f.mul(x, conv.out_pitch))
    residual = f.at("%residual", f.mul(x, conv.residual_pitch)) if conv.residual_pitch else ""
    for p in range(count):
        for j in range(vectors):
            value = accumulators[p * vectors + j]
            some = last if j == vectors - 1 else None
            if residual:
                other = f.load(f.at(residual, p * conv.residual_pitch + j * lanes), some)
                value = f.binary("fadd", value, other)
            value = activate(f, value, conv.activation, conv.act_args)
            f.store(value, f.at(out, p * conv.out_pitch + j * lanes), some)


def _products(
    f: Function,
    conv: RowConv,
    taps: str,
    panel: str,
    accumulators: list[str],
    vectors: int,
    ahead: Ahead | None = None,
) -> list[str]:
    """The sum over k for one column of the kernel; `accumulators` are [pixel][vector]."""
    lanes = f.isa.lanes

    def step(k: Value, carried: list[str]) -> list[str]:
        row = f.at(panel, f.mul(k, vectors * lanes))
        b = [f.load(f.at(row, j * lanes)) for j in range(vectors)]
        pixel = f.at(taps, k)
        out: list[str] = []
        for p in range(len(carried) // vectors):
            a = f.broadcast(f.at(pixel, p * conv.stride * conv.in_pitch))
            out += [f.fma(a, b[j], carried[p * vectors + j]) for j in range(vectors)]
        return out

    if ahead is None:
        return f.loop(0, conv.k, accumulators, step)
    fetching = ahead

    def step_and_fetch(k: Value, carried: list[str]) -> list[str]:
        place = f.at(fetching.place, f.mul(k, fetching.lines * _LINE))
        for line in range(fetching.lines):
            f.prefetch(f.at(place, line * _LINE), 2)
        return step(k, carried)

    accumulators = f.loop(0, fetching.steps, accumulators, step_and_fetch)
    return f.loop(fetching.steps, conv.k, accumulators, step)


def _ahead(f: Function, conv: RowConv, tile: Value, vectors: int) -> Ahead:
    """A tile's share of fetching as many weights as its panel has, from further on in memory."""
    tiles = ceil(conv.pixels / conv.tile[0])
    width = vectors * f.isa.lanes
    lines = ceil(conv.k * width / _LINE)
    per_step = ceil(lines / (tiles * conv.k))
    steps = ceil(lines / (tiles * per_step))
    start = f.at("%weights", max(conv.k * width, _DISTANCE))
    return Ahead(f.at(start, f.mul(tile, steps * per_step * _LINE)), per_step, steps)
