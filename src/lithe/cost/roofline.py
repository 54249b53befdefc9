"""The least time that a machine allows a piece of work: what its arithmetic and memory need.

The roofline model (Williams, Waterman and Patterson, doi:10.1145/1498765.1498785), with a
roof for each level of memory. A bound has to hold whatever a runtime does, so every choice
here is the optimistic one: caches keep what is wanted next, arithmetic and memory overlap
entirely, and operations that are no MACs cost nothing, since other units than the
multipliers may do them meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lithe.cost.count import LayerCost
from lithe.device import LEVELS, Device, capacity_of, launch_of, peak_of, transfer_of
from lithe.device.rows import Level
from lithe.errors import LitheError

Side = Literal["arithmetic", "memory", "overhead"]


@dataclass(frozen=True, slots=True)
class Bound:
    """The least time that a machine allows a step: what its arithmetic and its memory need.

    `overhead_s` is what the runtime adds to any step. `level` is the farthest that its
    activations have to come from at best.
    """

    arithmetic_s: float
    memory_s: float
    overhead_s: float
    level: str

    @property
    def seconds(self) -> float:
        """Arithmetic and memory overlap at best, so the longer of the two; without overhead."""
        return max(self.arithmetic_s, self.memory_s)

    @property
    def side(self) -> Side:
        """Which of the three is the longest."""
        sides: tuple[tuple[Side, float], ...] = (
            ("arithmetic", self.arithmetic_s),
            ("memory", self.memory_s),
            ("overhead", self.overhead_s),
        )
        return max(sides, key=lambda side: side[1])[0]


@dataclass(frozen=True, slots=True)
class Work:
    """What a step has to do: MACs, bytes of activations read and written, bytes of weights."""

    macs: int
    activation_bytes: int
    weight_bytes: int


def work_of(layer: LayerCost) -> Work:
    """What a layer has to do when it runs on its own."""
    return Work(layer.macs, layer.read_bytes + layer.activation_bytes, layer.weight_bytes)


def bounds(
    steps: Sequence[Work],
    device: Device,
    threads: int,
    runtime: Literal["lithe", "eager"] | None = None,
) -> tuple[Bound, ...]:
    """The bound of each step of a network that is run again and again, in fp32.

    Activations: at best a step finds what it reads in the nearest caches, as far as all that
    it reads and writes fits there; what does not fit comes from the next level. Weights are
    read once a run, so between two reads of one all others pass: they lie in the levels from
    the nearest on as far as those of the whole network fit, and each step reads its share of
    every level. A level whose speed is not known costs nothing. `overhead_s` is 0 without a
    `runtime`, and where it was not measured.

    Raises:
        LitheError: the device has no multiply-add peak in fp32.
    """
    peak = peak_of(device, "fp32", threads)
    if peak is None:
        known = ", ".join(sorted({row.dtype for row in device.peaks})) or "no data type"
        raise LitheError(
            f"{device.name} has no multiply-add peak in fp32 ({known}); a bound needs one"
        )
    overhead = launch_of(device, runtime, threads) if runtime else None
    weights = sum(step.weight_bytes for step in steps)
    weight_s = transfer_s(device, threads, weights) / max(weights, 1)  # of a byte
    return tuple(
        Bound(
            arithmetic_s=step.macs / peak,
            memory_s=transfer_s(device, threads, step.activation_bytes)
            + step.weight_bytes * weight_s,
            overhead_s=overhead or 0.0,
            level=farthest(device, threads, step.activation_bytes),
        )
        for step in steps
    )


def layer_bounds(
    layers: Sequence[LayerCost],
    device: Device,
    threads: int,
    runtime: Literal["lithe", "eager"] | None = None,
) -> tuple[Bound, ...]:
    """The bound of each layer of a network whose layers run one after the other.

    Raises:
        LitheError: as `bounds`.
    """
    return bounds([work_of(layer) for layer in layers], device, threads, runtime)


def spread(size: float, capacities: Sequence[float | None]) -> tuple[float, ...]:
    """How a set of bytes lies in levels of these sizes, the nearest filled first.

    A level of None holds whatever is left.

    >>> spread(100, (32, 48, None)), spread(20, (32, 48, None))
    ((32, 48, 20), (20, 0, 0))
    """
    parts = []
    for capacity in capacities:
        part = size if capacity is None else min(size, capacity)
        parts.append(part)
        size -= part
    return tuple(parts)


def transfer_s(device: Device, threads: int, size_bytes: float) -> float:
    """Seconds to move a set of bytes once, each from the nearest level that has room for it."""
    seconds = 0.0
    for level, part in _levels(device, threads, size_bytes):
        rate = transfer_of(device, level, threads)
        seconds += part / rate if rate else 0.0
    return seconds


def farthest(device: Device, threads: int, size_bytes: float) -> Level:
    """The farthest level that a set of bytes reaches into; the nearest of all for nothing."""
    reached = [level for level, part in _levels(device, threads, size_bytes) if part]
    return reached[-1] if reached else LEVELS[0]


def _levels(device: Device, threads: int, size_bytes: float) -> tuple[tuple[Level, float], ...]:
    caches = [capacity_of(device, level, threads) or 0 for level in LEVELS[:-1]]
    return tuple(zip(LEVELS, spread(size_bytes, (*caches, None)), strict=True))
