"""A program in memory: code and weights once, arenas as many as there are calls at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lithe.engine.layout import Scratch, Slots, lay_out, scratch_bytes, word_count
from lithe.engine.native import EACH_FIELDS, JOB_FIELDS, PATCH_FIELDS, STEP_BYTES
from lithe.engine.objects import Code
from lithe.engine.plan import Plan, plan_program
from lithe.engine.program import Arena, Program, Weights
from lithe.engine.runtime import CLOCK, aligned

_STAMPS = 4  # the word of a job that says where times go


class Workspace:
    """What one call needs for itself: arena, scratch of every thread, the words of the steps."""

    def __init__(self, loaded: "Loaded", threads: int) -> None:
        program, plan = loaded.program, loaded.plan
        stride = scratch_bytes(program)
        self._memory = aligned(plan.total_bytes + stride * threads)
        words = aligned(8 * word_count(program)).view(np.int64)
        arena = self._memory.ctypes.data

        def address(place: Arena | Weights) -> int:
            if isinstance(place, Arena):
                return arena + plan.offsets[place.buffer] + 4 * place.floats
            return loaded.addresses[place.name]

        scratch = Scratch(arena + plan.total_bytes, stride)
        start = words.ctypes.data
        layout = lay_out(program, loaded.code.address, address, scratch, CLOCK, start)
        words[:] = layout.words
        self.job = start
        self.words = words
        self._slots: Slots = (*layout.inputs, *layout.outputs)

    def point(self, places: Sequence[int]) -> None:
        """Put the addresses of a call's inputs and outputs where the steps look for them."""
        words = self.words
        for slots, place in zip(self._slots, places, strict=True):
            for slot in slots:
                words[slot] = place

    def patches(self, places: Sequence[int], strides: Sequence[int]) -> list[int]:
        """For every slot: its address, what belongs there for piece 0, and bytes per piece."""
        patches: list[int] = []
        for slots, place, stride in zip(self._slots, places, strides, strict=True):
            for slot in slots:
                patches += (self.job + 8 * slot, place, stride)
        return patches

    def stamp(self, stamps: NDArray[np.int64] | None) -> None:
        """Have the time taken before the first step and after each (seconds, nanoseconds)."""
        self.words[_STAMPS] = 0 if stamps is None else stamps.ctypes.data


class Pieces:
    """A job of many runs of a program: each thread runs whole pieces in an arena of its own."""

    def __init__(self, loaded: "Loaded", each: int, threads: int) -> None:
        self._workspaces = [Workspace(loaded, 1) for _ in range(threads)]
        self._patch_words = len(self._workspaces[0].patches(*[[0] * loaded.places] * 2))
        own = JOB_FIELDS + STEP_BYTES // 8
        patches = own + EACH_FIELDS * threads
        words = aligned(8 * (patches + self._patch_words * threads)).view(np.int64)
        start = words.ctypes.data
        step = start + 8 * JOB_FIELDS
        words[:own] = step, 1, start + 8 * own, 8 * EACH_FIELDS, 0, CLOCK, each, 0, 0
        for index, workspace in enumerate(self._workspaces):
            at = start + 8 * (patches + self._patch_words * index)
            fields = workspace.job, at, self._patch_words // PATCH_FIELDS
            words[own + EACH_FIELDS * index :][:EACH_FIELDS] = fields
        self.job = start
        self._words = words
        self._patches = patches
        self._units = own - 1

    def point(self, places: Sequence[int], strides: Sequence[int], count: int) -> None:
        """Have `count` pieces run, `strides` bytes apart from `places`."""
        patches = [p for one in self._workspaces for p in one.patches(places, strides)]
        self._words[self._patches :] = patches
        self._words[self._units] = count


@dataclass(frozen=True, slots=True)
class Loaded:
    """A program without its IR and original weights.

    `weights` holds them packed, but for those that `beside` holds in the same bytes.
    """

    program: Program
    code: Code
    plan: Plan
    weights: NDArray[np.uint8]
    addresses: Mapping[str, int]
    beside: "Loaded | None" = None

    @property
    def places(self) -> int:
        """Inputs and outputs."""
        return len(self.program.inputs) + len(self.program.outputs)


def load_program(program: Program, code: Code, beside: Loaded | None = None) -> Loaded:
    """A program ready to be given workspaces; it shares with `beside` the weights it can.

    Raises:
        LitheError: its steps and its buffers are at odds, a fault of the generator.
    """
    addresses: dict[str, int] = {}
    own: dict[str, NDArray[np.uint8]] = {}
    total = 0
    for name, array in program.weights.items():
        data = array.reshape(-1).view(np.uint8)
        shared = beside and beside.addresses.get(name)
        if beside and shared and _holds(beside, shared, data):
            addresses[name] = shared
        else:
            own[name] = data
            total += _lines(data.nbytes)
    block = aligned(total)
    offset = 0
    for name, data in own.items():
        block[offset : offset + data.nbytes] = data
        addresses[name] = block.ctypes.data + offset
        offset += _lines(data.nbytes)
    # Nobody asks for the IR again, and it would be ten times as large as all the rest.
    steps = tuple(replace(step, kernel=replace(step.kernel, write=str)) for step in program.steps)
    light = replace(program, steps=steps, weights={})
    return Loaded(light, code, plan_program(program), block, addresses, beside)


def _holds(loaded: Loaded, address: int, data: NDArray[np.uint8]) -> bool:
    start = address - loaded.weights.ctypes.data
    return np.array_equal(loaded.weights[start : start + data.nbytes], data)


def _lines(size: int) -> int:
    """Bytes in whole cache lines."""
    return -(-size // 64) * 64
