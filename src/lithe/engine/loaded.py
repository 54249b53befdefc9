"""A program in memory: code and weights once, arenas as many as there are calls at once."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lithe.engine.layout import Scratch, Slots, lay_out, scratch_bytes, word_count
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
        weights = loaded.weights.ctypes.data

        def address(place: Arena | Weights) -> int:
            if isinstance(place, Arena):
                return arena + plan.offsets[place.buffer] + 4 * place.floats
            return weights + loaded.offsets[place.name]

        scratch = Scratch(arena + plan.total_bytes, stride)
        start = words.ctypes.data
        layout = lay_out(program, loaded.code.address, address, scratch, CLOCK, start)
        words[:] = layout.words
        self.job = start
        self.words = words
        self._slots: Slots = (*layout.inputs, *layout.outputs)

    def point(self, places: list[int]) -> None:
        """Put the addresses of a call's inputs and outputs where the steps look for them."""
        words = self.words
        for slots, place in zip(self._slots, places, strict=True):
            for slot in slots:
                words[slot] = place

    def stamp(self, stamps: NDArray[np.int64] | None) -> None:
        """Have the time taken before the first step and after each (seconds, nanoseconds)."""
        self.words[_STAMPS] = 0 if stamps is None else stamps.ctypes.data


@dataclass(frozen=True, slots=True)
class Loaded:
    """A program without its IR and original weights: `weights` holds all of them, packed."""

    program: Program
    code: Code
    plan: Plan
    weights: NDArray[np.uint8]
    offsets: Mapping[str, int]


def load_program(program: Program, code: Code) -> Loaded:
    """A program ready to be given workspaces.

    Raises:
        LitheError: its steps and its buffers are at odds, a fault of the generator.
    """
    offsets: dict[str, int] = {}
    total = 0
    for name, array in program.weights.items():
        offsets[name] = total
        total += -(-array.nbytes // 64) * 64
    block = aligned(total)
    for name, array in program.weights.items():
        block[offsets[name] : offsets[name] + array.nbytes] = array.reshape(-1).view(np.uint8)
    steps = tuple(replace(step, kernel=replace(step.kernel, ir="")) for step in program.steps)
    light = replace(program, steps=steps, weights={})
    return Loaded(light, code, plan_program(program), block, offsets)
