"""What decides how long a step takes, as numbers that are known before it is compiled.

They are read from the frozen work that a kernel is written from. The most telling one is the
engine's own count of cycles, by which it chose the tiles; the others say where that count
is known to be blind: rows that do not fill their tiles, weights that are read again for every
row, activations that take longer than the sums before them.
"""

from math import exp, log, prod
from typing import NamedTuple

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
from lithe.engine.program import Step
from lithe.engine.tiles import row_cycles

# Cycles that an activation of a vector adds, about, where it follows sums; what is not here
# takes as long as an exponential. From MobileNetV2 at width 0.75 and 160 pixels with each of
# them, on a core with AVX-512.
_ACTIVATION_CYCLES = {"": 0.0, "relu": 0.0, "relu6": 0.2, "hardsigmoid": 1.2, "hardswish": 1.6}
_EXPONENTIAL_CYCLES = 12.0
# The crude estimate that times are compared with, fitted to the steps of 360 networks there.
_CYCLES_PER_S = 4e9
_IN_BYTES_PER_S = 130e9
_WEIGHT_BYTES_PER_S = 200e9
_UNIT_S = 4e-9
_START_S = 1e-7


class Features(NamedTuple):
    """One step. `log_` is the natural logarithm, of bytes and MACs that of one more.

    `expand`, `middle` and `last` are the parts of a step: the convolution that comes first
    where others follow it, the depthwise one, and the one that writes the output.
    """

    # Which kernel: one of these is 1.
    rolling: float = 0  # expansion and depthwise, perhaps projection, by rows
    separable: float = 0  # depthwise and projection
    depthwise: float = 0
    sliced: float = 0
    pointwise: float = 0
    conv: float = 0
    pool: float = 0
    elementwise: float = 0
    copy: float = 0
    # How much work.
    log_macs: float = 0
    log_cycles: float = 0  # of all threads together, by the engine's own model
    log_longest_cycles: float = 0  # of the thread that has most units
    macs_per_cycle: float = 0
    log_units: float = 0
    log_unit_cycles: float = 0
    units_left_over: float = 0  # share of a thread's units by which the longest has more
    # What is moved.
    log_in_bytes: float = 0
    log_out_bytes: float = 0
    log_weight_bytes: float = 0
    log_scratch_bytes: float = 0
    log_moved_bytes: float = 0  # weights as often as they are read
    residual: float = 0
    # Its shape.
    kernel: float = 0
    stride: float = 0
    width_in: float = 0
    width_out: float = 0
    height_out: float = 0
    c_in: float = 0
    c_middle: float = 0
    c_out: float = 0
    pixels: float = 0  # of a block of a matrix product
    # How it is cut.
    expand_pixels: float = 0
    expand_vectors: float = 0
    expand_panels: float = 0
    expand_full: float = 0  # share of what the tiles compute that is wanted
    log_expand_cycles: float = 0
    middle_pixels: float = 0
    middle_full: float = 0
    log_middle_cycles: float = 0
    last_pixels: float = 0
    last_vectors: float = 0
    last_panels: float = 0
    last_full: float = 0
    log_last_cycles: float = 0
    activation: float = 0  # cycles on a vector
    log_activation_cycles: float = 0
    planes: float = 0  # the input is the caller's, in planes


NAMES = Features._fields


def features_of(step: Step, isa: InstructionSet, threads: int) -> tuple[float, ...]:
    """The features of a step in the order of `NAMES`; of a kernel unknown here only some."""
    work = step.kernel.work
    match work:
        case Rolling():
            found = _rolling(isa, work, threads, step.units)
        case Sliced():
            found = _sliced(isa, work)
        case Pointwise():
            found = _pointwise(isa, work)
        case Conv():
            found = _conv(isa, work)
        case _:
            found = _other(isa, work)
    cycles = max(found.cycles, 1.0)
    longest = -(-step.units // threads)
    return tuple(
        found.features._replace(
            log_macs=log(1 + step.macs),
            log_cycles=log(cycles),
            log_longest_cycles=log(cycles * longest / step.units),
            macs_per_cycle=step.macs / cycles,
            log_units=log(step.units),
            log_unit_cycles=log(cycles / step.units),
            units_left_over=longest * threads / step.units - 1,
            log_in_bytes=log(1 + 4 * found.floats_in),
            log_out_bytes=log(1 + 4 * found.floats_out),
            log_weight_bytes=log(1 + 4 * found.weights),
            log_scratch_bytes=log(1 + step.kernel.scratch_bytes),
            log_moved_bytes=log(1 + 4 * (found.floats_in + found.floats_out + found.read)),
        )
    )


def base_seconds(features: tuple[float, ...]) -> float:
    """A crude estimate of a step's time, which measured times are related to.

    Cycles by the engine's model, then bytes from the caches, one after the other: on another
    machine it is off by a factor that is about the same for all steps.
    """
    cycles, read, weights, units, all_cycles = (features[i] for i in _ESTIMATED_FROM)
    share = exp(cycles - all_cycles)  # of the step's work that the longest thread has
    moved = exp(read) / _IN_BYTES_PER_S + exp(weights) / _WEIGHT_BYTES_PER_S
    return exp(cycles) / _CYCLES_PER_S + share * (moved + exp(units) * _UNIT_S) + _START_S


_ESTIMATED_FROM = tuple(
    map(
        NAMES.index,
        (
            "log_longest_cycles",
            "log_in_bytes",
            "log_weight_bytes",
            "log_units",
            "log_cycles",
        ),
    )
)


class _Found(NamedTuple):
    """What a kind of kernel tells: floats are counted once, `read` are weights each time."""

    features: Features
    cycles: float
    floats_in: int
    floats_out: int
    weights: int
    read: int


def _rolling(isa: InstructionSet, work: Rolling, threads: int, units: int) -> _Found:
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
    return _Found(features, cycles, floats_in, floats_out, weights, read)


def _sliced(isa: InstructionSet, work: Sliced) -> _Found:
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
    return _Found(features, cycles, floats_in, floats_out, weights, weights)


def _pointwise(isa: InstructionSet, work: Pointwise) -> _Found:
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
    return _Found(
        _with_last(isa, features, c, last),
        last + activation,
        floats_in,
        floats_out,
        _weights(c),
        _weights(c) * work.blocks,
    )


def _conv(isa: InstructionSet, work: Conv) -> _Found:
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
    return _Found(
        _with_last(isa, features, row, last),
        last + activation,
        floats_in + (floats_out if row.residual_pitch else 0),
        floats_out,
        weights,
        weights if work.by_panel else weights * rows,
    )


def _other(isa: InstructionSet, work: object) -> _Found:
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
    return _Found(features, cycles, floats_in, floats_out, 0, 0)


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
