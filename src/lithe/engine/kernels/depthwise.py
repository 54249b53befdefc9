"""A row of a depthwise convolution over n h w c, its weights kept in registers.

A vector of channels is one task: its kh x kw weights are loaded once, then a tile of pixels
moves along the row. Each input vector is loaded once per tile and multiplied into every
output that it touches. Rows are given by pointer, one per row of the kernel; a row outside
the image is a row of zeros. Columns outside the image are left out when the kernel is written.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np

from lithe.engine.ir import Function, Value
from lithe.engine.isa import InstructionSet
from lithe.engine.kernels.activation import activate
from lithe.engine.kernels.row_conv import Floats
from lithe.engine.kernels.row_tiles import Columns, Ranges, Run, tile_runs


@dataclass(frozen=True, slots=True)
class RowDepthwise:
    """Shape of a row's work: `pixels` outputs of `channels`, windows of kernel (h, w).

    `in_pitch` and `out_pitch` are the floats from a pixel to its right neighbour.
    """

    pixels: int
    channels: int
    kernel: tuple[int, int]
    stride: int
    pad: int
    width_in: int
    in_pitch: int
    out_pitch: int
    dilation: int = 1
    activation: str = ""
    act_args: tuple[float, ...] = ()
    residual_pitch: int = 0  # 0: no residual

    def taps(self) -> int:
        """Products of one output."""
        return self.kernel[0] * self.kernel[1]

    def runs(self, size: int) -> list[Run]:
        """The row in tiles of `size` pixels."""
        columns = Columns(self.kernel[1], self.stride, self.dilation, self.pad, self.width_in)
        return tile_runs(self.pixels, size, columns)


def pack_depthwise(weight: Floats, bias: Floats, lanes: int) -> Floats:
    """Weights (c, kh, kw) and a bias (c) as [vector of channels][bias, taps...][lane]."""
    c = weight.shape[0]
    blocks = ceil(c / lanes)
    taps = np.concatenate([bias[:, None], weight.reshape(c, -1)], axis=1)
    padded = np.zeros((blocks * lanes, taps.shape[1]), np.float32)
    padded[:c] = taps
    return np.ascontiguousarray(padded.reshape(blocks, lanes, -1).transpose(0, 2, 1)).reshape(-1)


def depthwise_function(isa: InstructionSet, name: str, conv: RowDepthwise) -> str:
    """`name(ptr rows, ptr weights, ptr out, ptr residual)`, `rows` an array of kh pointers."""
    params = [("ptr", "rows"), ("ptr noalias", "weights"), ("ptr", "out"), ("ptr", "residual")]
    f = Function(isa, name, params)
    kh = conv.kernel[0]
    rows = [f.argument("%rows", ky) for ky in range(kh)]
    full, rest = divmod(conv.channels, isa.lanes)

    def block(index: Value, _: list[str]) -> list[str]:
        _block(f, conv, rows, index, None)
        return []

    f.loop(0, full, [], block)
    if rest:
        _block(f, conv, rows, full, rest)
    return f.text


def _block(
    f: Function, conv: RowDepthwise, rows: list[str], index: Value, some: int | None
) -> None:
    lanes = f.isa.lanes
    packed = f.at("%weights", f.mul(index, (conv.taps() + 1) * lanes))
    bias = f.load(packed)
    weights = [f.load(f.at(packed, (tap + 1) * lanes)) for tap in range(conv.taps())]
    channel = f.mul(index, lanes)
    sources = [f.at(row, channel) for row in rows]
    outs = f.at("%out", channel), f.at("%residual", channel)
    for run in conv.runs(tile_pixels(f.isa, conv)):
        _tiles(f, conv, run, (sources, *outs), (bias, weights), some)


def tile_pixels(isa: InstructionSet, conv: RowDepthwise) -> int:
    """Pixels of a tile: as few left over as possible among the sizes that fit the registers."""
    room = max(2, min(8, isa.registers - conv.taps() - 3))
    sizes = range(max(2, room // 2), room + 1)
    return min(sizes, key=lambda size: (-(-conv.pixels // size) * (size + 1), -size))


def _tiles(
    f: Function,
    conv: RowDepthwise,
    run: Run,
    places: tuple[list[str], str, str],
    values: tuple[str, list[str]],
    some: int | None,
) -> None:
    (sources, out, residual), (bias, weights) = places, values

    def tile(index: Value, _: list[str]) -> list[str]:
        x = f.add(f.mul(index, run.count), run.first)
        shift = f.sub(f.mul(x, conv.stride * conv.in_pitch), conv.pad * conv.in_pitch)
        accumulators = [f.zero] * run.count
        for ky, source in enumerate(sources):
            row = weights[ky * conv.kernel[1] : (ky + 1) * conv.kernel[1]]
            _row(f, conv, f.at(source, shift), row, run.valid, accumulators, some)
        target = f.at(out, f.mul(x, conv.out_pitch))
        for p, value in enumerate(accumulators):
            value = f.binary("fadd", value, bias)
            if conv.residual_pitch:
                place = f.at(residual, f.mul(f.add(x, p), conv.residual_pitch))
                value = f.binary("fadd", value, f.load(place, some))
            value = activate(f, value, conv.activation, conv.act_args)
            f.store(value, f.at(target, p * conv.out_pitch), some)
        return []

    f.loop(0, run.tiles, [], tile)


def _row(
    f: Function,
    conv: RowDepthwise,
    source: str,
    weights: list[str],
    valid: Ranges,
    accumulators: list[str],
    some: int | None,
) -> None:
    """One row of the kernel into a tile: column after column, each loaded once."""
    touches: dict[int, list[tuple[int, int]]] = {}
    for kx, (begin, end) in enumerate(valid):
        for p in range(begin, end):
            touches.setdefault(p * conv.stride + kx * conv.dilation, []).append((p, kx))
    for column in sorted(touches):
        x = f.load(f.at(source, column * conv.in_pitch), some)
        for p, kx in touches[column]:
            accumulators[p] = f.fma(x, weights[kx], accumulators[p])
