"""What decides how long a step takes, as numbers that are known before it is compiled.

They are read from the frozen work that a kernel is written from. The most telling one is the
engine's own count of cycles, by which it chose the tiles; the others say where that count
is known to be blind: rows that do not fill their tiles, weights that are read again for every
row, activations that take longer than the sums before them.
"""

from math import exp, log

from lithe.engine.isa import InstructionSet
from lithe.engine.kernels.conv import Conv, Pointwise
from lithe.engine.kernels.rolling import Rolling
from lithe.engine.kernels.sliced import Sliced
from lithe.engine.program import Step
from lithe.latency_table.feature_rows import NAMES, Features
from lithe.latency_table.kernel_features import conv, other, pointwise, rolling, sliced

__all__ = ["NAMES", "Features", "base_seconds", "features_of"]

# The crude estimate that times are compared with, fitted to the steps of 360 networks on a
# core with AVX-512.
_CYCLES_PER_S = 4e9
_IN_BYTES_PER_S = 130e9
_WEIGHT_BYTES_PER_S = 200e9
_UNIT_S = 4e-9
_START_S = 1e-7


def features_of(step: Step, isa: InstructionSet, threads: int) -> tuple[float, ...]:
    """The features of a step in the order of `NAMES`; of a kernel unknown here only some."""
    work = step.kernel.work
    match work:
        case Rolling():
            found = rolling(isa, work, threads, step.units)
        case Sliced():
            found = sliced(isa, work)
        case Pointwise():
            found = pointwise(isa, work)
        case Conv():
            found = conv(isa, work)
        case _:
            found = other(isa, work)
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
