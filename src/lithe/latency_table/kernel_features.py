"""What each kind of kernel tells of itself, read from the frozen work that it is written from."""

from math import log, prod

from lithe.engine.isa import InstructionSet
from lithe.engine.kernels.adaptive import AdaptivePool
from lithe.engine.kernels.conv import Conv, Pointwise, panels_of
from lithe.engine.kernels.copy import Deal, Interleave, Transpose
from lithe.engine.kernels.depthwise import RowDepthwise, tile_pixels
from lithe.engine.kernels.elementwise import Elementwise
from lithe.engine.kernels.pool import Pool
from lithe.engine.kernels.reduce import Mean
from lithe.engine.kernels.rolling import Rolling
from lithe.engine.kernels.row_conv import RowConv
from lithe.engine.kernels.sliced import Sliced
from lithe.engine.tiles import row_cycles
from lithe.latency_table.feature_rows import Features, Found

# Cycles that an activation of a vector adds, about, where it follows sums; what is not here
# takes as long as an exponential. From MobileNetV2 at width 0.75 and 160 pixels with each of
# them, on a core with AVX-512.
_ACTIVATION_CYCLES = {"": 0.0, "relu": 0.0, "relu6": 0.2, "hardsigmoid": 1.2, "hardswish": 1.6}
_EXPONENTIAL_CYCLES = 12.0


def rolling(isa: InstructionSet, work: Rolling, threads: int, units: int) -> Found:
    """A block by rows: expansion or none, depthwise, projection or none."""
    d, window = work.depthwise, work.window
    rows = work.images * window.height_out
    middle = _middle_cycles(isa, d) * rows
    activation = _activation(isa, d.activation, d.pixels * d.channels) * rows
    cycles = middle + activation
    weights = read = d.channels * (d.taps() + 1)
    floats_in = work.images * window.height_in * d.width_in * d.channels
    floats_out = rows * d.pixels * d.channels
    features = Features(
        residual=float(d.residual_pitch > 0),
        kernel=d.kernel[0],
        stride=d.stride,
        width_in=d.width_in,
        width_out=d.pixels,
        height_out=window.height_out,
        c_in=d.channels,
        c_middle=d.channels,
        c_out=d.channels,
        middle_pixels=tile_pixels(isa, d),
        middle_full=_middle_full(isa, d),
        log_middle_cycles=log(1 + middle),
        activation=_ACTIVATION_CYCLES.get(d.activation, _EXPONENTIAL_CYCLES),
    )
    if work.expand and work.below:
        e = work.expand
        # Each thread but the first expands the rows above its own once more.
        again = (min(threads, units) - 1) * max(window.kernel - window.stride, 0)
        expanded = work.images * window.height_in + again
        expand = _conv_cycles(isa, e) * expanded
        activation += _activation(isa, e.activation, e.pixels * e.n) * expanded
        cycles = middle + expand + activation
        weights += _weights(e)
        read += _weights(e) * expanded
        planes = work.below.planes if work.below.planes > 1 else 0
        c_in = planes or e.k
        floats_in = work.images * work.below.height_in * (e.width_in or e.pixels) * c_in
        features = features._replace(
            rolling=1,
            c_in=c_in,
            expand_pixels=e.tile[0],
            expand_vectors=e.tile[1],
            expand_panels=panels_of(isa, e).count,
            expand_full=_full(isa, e),
            log_expand_cycles=log(1 + expand),
            planes=float(planes > 0),
        )
    if work.project:
        p = work.project
        last = _conv_cycles(isa, p) * rows
        activation += _activation(isa, p.activation, p.pixels * p.n) * rows
        cycles += last + _activation(isa, p.activation, p.pixels * p.n) * rows
        weights += _weights(p)
        read += _weights(p) * rows
        floats_out = rows * p.pixels * p.n
        floats_in += floats_out if p.residual_pitch else 0
        features = _with_last(isa, features, p, last)
    if not work.expand:
        features = features._replace(
            separable=float(work.project is not None), depthwise=float(work.project is None)
        )
    features = features._replace(log_activation_cycles=log(1 + activation))
    return Found(features, cycles, floats_in, floats_out, weights, read)


def sliced(isa: InstructionSet, work: Sliced) -> Found:
    """Expansion and depthwise by slices of channels."""
    d, e, window = work.depthwise, work.expand, work.window
    rows = work.images * window.height_out
    expand = _conv_cycles(isa, e) * work.images
    middle = _middle_cycles(isa, d) * rows
    activation = _activation(isa, e.activation, e.pixels * e.n) * work.images
    activation += _activation(isa, d.activation, d.pixels * d.channels) * rows
    weights = _weights(e) + d.channels * (d.taps() + 1)
    features = Features(
        sliced=1,
        kernel=d.kernel[0],
        stride=d.stride,
        width_in=d.width_in,
        width_out=d.pixels,
        height_out=window.height_out,
        c_in=e.k,
        c_middle=e.n,
        c_out=e.n,
        expand_pixels=e.tile[0],
        expand_vectors=e.tile[1],
        expand_panels=panels_of(isa, e).count,
        expand_full=_full(isa, e),
        log_expand_cycles=log(1 + expand),
        middle_pixels=tile_pixels(isa, d),
        middle_full=_middle_full(isa, d),
        log_middle_cycles=log(1 + middle),
        activation=_ACTIVATION_CYCLES.get(d.activation, _EXPONENTIAL_CYCLES),
        log_activation_cycles=log(1 + activation),
    )
    floats_in = work.images * e.pixels * e.k
    floats_out = rows * d.pixels * d.channels
    cycles = expand + middle + activation
    return Found(features, cycles, floats_in, floats_out, weights, weights)


def pointwise(isa: InstructionSet, work: Pointwise) -> Found:
    """A matrix product in blocks of pixels."""
    c = work.conv
    last = _conv_cycles(isa, c) * work.pixels / c.pixels
    activation = _activation(isa, c.activation, work.pixels * c.n)
    floats_out = work.pixels * c.n
    features = Features(
        pointwise=1,
        pixels=c.pixels,
        c_in=c.k,
        activation=_ACTIVATION_CYCLES.get(c.activation, _EXPONENTIAL_CYCLES),
        log_activation_cycles=log(1 + activation),
    )
    floats_in = work.pixels * c.k + (floats_out if c.residual_pitch else 0)
    return Found(
        _with_last(isa, features, c, last),
        last + activation,
        floats_in,
        floats_out,
        _weights(c),
        _weights(c) * work.blocks,
    )


def conv(isa: InstructionSet, work: Conv) -> Found:
    """A convolution by rows."""
    row, window = work.row, work.window
    rows = work.images * window.height_out
    last = _conv_cycles(isa, row) * rows * work.groups
    activation = _activation(isa, row.activation, row.pixels * row.n) * rows * work.groups
    c_in = (window.planes if window.planes > 1 else row.k) * work.groups
    floats_out = rows * row.pixels * row.n * work.groups
    features = Features(
        conv=1,
        kernel=window.kernel,
        stride=window.stride,
        width_in=row.width_in,
        width_out=row.pixels,
        height_out=window.height_out,
        c_in=c_in,
        activation=_ACTIVATION_CYCLES.get(row.activation, _EXPONENTIAL_CYCLES),
        log_activation_cycles=log(1 + activation),
        planes=float(window.planes > 1),
    )
    floats_in = work.images * window.height_in * row.width_in * c_in
    weights = _weights(row) * work.groups
    return Found(
        _with_last(isa, features, row, last),
        last + activation,
        floats_in + (floats_out if row.residual_pitch else 0),
        floats_out,
        weights,
        weights if work.by_panel else weights * rows,
    )


def other(isa: InstructionSet, work: object) -> Found:
    """Steps that move more than they compute."""
    match work:
        case AdaptivePool() | Pool():
            floats_in = work.images * work.channels * prod(work.size_in)
            floats_out = work.images * work.channels * prod(work.size_out)
            features = Features(
                pool=1, width_in=work.size_in[1], width_out=work.size_out[1], c_in=work.channels
            )
        case Mean(kept=kept, sizes=sizes):
            floats_out = prod(kept.sizes)
            floats_in = floats_out * prod(sizes)
            features = Features(pool=1, c_in=kept.sizes[-1])
        case Elementwise(nest=nest):
            floats_out = prod(nest.sizes)
            floats_in = sum(
                prod(size for size, stride in zip(nest.sizes, strides, strict=True) if stride)
                for strides in nest.strides[1:]
            )
            is_copy = not (work.operation or work.activation)
            features = Features(
                copy=float(is_copy),
                elementwise=float(not is_copy),
                c_in=nest.sizes[-1],
                residual=float(work.residual),
                activation=_ACTIVATION_CYCLES.get(work.activation, _EXPONENTIAL_CYCLES),
            )
        case Transpose(outer=outer):
            floats_in = floats_out = prod(outer.sizes) * work.i * work.j
            features = Features(copy=1, c_in=work.i, c_out=work.j)
        case Deal(outer=outer, rows=rows):
            floats_in = floats_out = prod(outer.sizes) * work.count * rows
            features = Features(copy=1, c_in=work.count, c_out=rows)
        case Interleave(outer=outer, starts=starts):
            floats_in = floats_out = prod(outer.sizes) * work.count * len(starts)
            features = Features(copy=1, c_in=work.count, c_out=len(starts))
        case _:
            floats_in = floats_out = 0
            features = Features()
    cycles = (floats_in + floats_out) / isa.lanes
    return Found(features, cycles, floats_in, floats_out, 0, 0)


def _with_last(isa: InstructionSet, features: Features, row: RowConv, cycles: float) -> Features:
    return features._replace(
        c_out=row.n,
        residual=float(row.residual_pitch > 0),
        last_pixels=row.tile[0],
        last_vectors=row.tile[1],
        last_panels=panels_of(isa, row).count,
        last_full=_full(isa, row),
        log_last_cycles=log(1 + cycles),
    )


def _vectors(isa: InstructionSet, channels: int) -> int:
    return -(-channels // isa.lanes)


def _depth(row: RowConv) -> int:
    return row.rows * row.columns * row.k


def _weights(row: RowConv) -> int:
    return row.n * (_depth(row) + 1)


def _conv_cycles(isa: InstructionSet, row: RowConv) -> float:
    """Of one row of a convolution."""
    tile = min(row.tile[0], row.pixels), row.tile[1]
    return row_cycles(row.pixels, _vectors(isa, row.n), _depth(row), tile)


def _full(isa: InstructionSet, row: RowConv) -> float:
    """Share of the multiply-adds that whole tiles of the whole row would do."""
    high, wide = row.tile
    pixels = -(-row.pixels // high) * high
    vectors = -(-_vectors(isa, row.n) // wide) * wide
    return row.pixels * row.n / (pixels * vectors * isa.lanes)


def _middle_cycles(isa: InstructionSet, row: RowDepthwise) -> float:
    """Of one row of a depthwise convolution: tile by tile, vector by vector of channels."""
    size = tile_pixels(isa, row)
    products = size * row.taps() / 2
    loads = row.kernel[0] * ((size - 1) * row.stride + row.kernel[1]) / 2
    # Sums of a tile wait for each other where there are fewer than eight.
    waits = 4.0 * row.taps() if size < 8 else 0.0
    tile = max(products, loads, waits / 2) + 4 + size
    return _vectors(isa, row.channels) * (row.taps() / 2 + -(-row.pixels // size) * tile)


def _middle_full(isa: InstructionSet, row: RowDepthwise) -> float:
    size = tile_pixels(isa, row)
    pixels, vectors = -(-row.pixels // size) * size, _vectors(isa, row.channels)
    return row.pixels * row.channels / (pixels * vectors * isa.lanes)


def _activation(isa: InstructionSet, kind: str, outputs: int) -> float:
    """Cycles that an activation takes for so many outputs."""
    return _ACTIVATION_CYCLES.get(kind, _EXPONENTIAL_CYCLES) * outputs / isa.lanes
