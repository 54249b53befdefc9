"""Where each buffer lies in the arena: bytes are shared by buffers that never live at once.

Offsets are fixed when a program is compiled. Finding the smallest arena is a hard problem
in general; placing the buffers one by one, each in the lowest gap between those that live
at the same time, comes out at or close to the least there can be (the most bytes alive in
one step) for convolutional networks, and the best of a few orders is taken.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lithe.engine.program import Arena, Program
from lithe.errors import LitheError

ALIGNMENT = 64  # bytes: a cache line, and a vector of AVX-512

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Plan:
    """The offset of every buffer in bytes, each a multiple of 64, and the size of the arena."""

    offsets: Mapping[str, int]
    total_bytes: int


def live_ranges(program: Program) -> dict[str, Range]:
    """First and last step, both included, that name each buffer.

    Raises:
        LitheError: a step names a buffer that the program does not have, or none names one;
            a fault of the generator.
    """
    ranges: dict[str, Range] = {}
    for index, step in enumerate(program.steps):
        for place in step.args:
            if isinstance(place, Arena):
                ranges[place.buffer] = ranges.get(place.buffer, (index, index))[0], index
    if ranges.keys() != program.buffers.keys():
        odd = min(ranges.keys() ^ program.buffers.keys())
        raise LitheError(f"buffer {odd!r} is in the program's steps or in its buffers, not in both")
    return ranges


def plan_arena(sizes: Mapping[str, int], ranges: Mapping[str, Range]) -> Plan:
    """The smallest arena that a few greedy orders find, for sizes in bytes."""
    sizes = {name: -(-max(size, 1) // ALIGNMENT) * ALIGNMENT for name, size in sizes.items()}

    def length(name: str) -> int:
        return ranges[name][1] - ranges[name][0] + 1

    orders = (
        sorted(sizes, key=lambda name: (-sizes[name], ranges[name])),
        sorted(sizes, key=lambda name: (-sizes[name] * length(name), ranges[name])),
        sorted(sizes, key=lambda name: (-length(name), -sizes[name])),
        sorted(sizes, key=lambda name: (ranges[name][0], -sizes[name])),
    )
    plans = (_placed(order, sizes, ranges) for order in orders)
    return min(plans, key=lambda plan: plan.total_bytes)


def plan_program(program: Program) -> Plan:
    """The arena of a program.

    Raises:
        LitheError: as `live_ranges`.
    """
    return plan_arena(program.buffers, live_ranges(program))


def _placed(order: Sequence[str], sizes: Mapping[str, int], ranges: Mapping[str, Range]) -> Plan:
    """Each buffer in turn at the lowest offset where it meets none that lives when it does."""
    offsets: dict[str, int] = {}
    total = 0
    for name in order:
        first, last = ranges[name]
        taken = sorted(
            (offsets[other], offsets[other] + sizes[other])
            for other in offsets
            if ranges[other][0] <= last and first <= ranges[other][1]
        )
        offset = 0
        for begin, end in taken:
            if begin - offset >= sizes[name]:
                break
            offset = max(offset, end)
        offsets[name] = offset
        total = max(total, offset + sizes[name])
    return Plan(offsets, total)
