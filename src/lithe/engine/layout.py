"""A program in memory: the words that the step loop reads, with every address filled in.

One block of 64-bit words holds the job, the steps and the arrays of arguments. Only the
slots of the caller's inputs and outputs change from call to call.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lithe.engine.native import JOB_FIELDS, STEP_BYTES
from lithe.engine.program import Arena, Input, Output, Program, Weights

Slots = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """The words of a program; `inputs` and `outputs` are indices of the slots of each."""

    words: NDArray[np.int64]
    inputs: Slots
    outputs: Slots


@dataclass(frozen=True, slots=True)
class Scratch:
    """Memory that kernels use and nobody else sees: bytes for each thread from an address."""

    address: int
    stride: int


def scratch_bytes(program: Program) -> int:
    """Scratch of one thread: the most that a step asks for, in whole cache lines."""
    most = max((step.kernel.scratch_bytes for step in program.steps), default=0)
    return -(-most // 64) * 64


def dealt_pieces(pieces: int, threads: int) -> int:
    """How many pieces of a batch are run by one thread each; the others take all threads.

    They are dealt out evenly. A single piece is run by all threads together.
    """
    dealt = pieces // threads * threads
    return dealt if dealt > 1 else 0


def activation_bytes(program: Program, arena_bytes: int, threads: int, pieces: int) -> int:
    """What a call on so many pieces allocates for activations: arenas, and scratch of all threads.

    Pieces that are dealt out need an arena for each thread, those left over one more.
    """
    dealt = dealt_pieces(pieces, threads)
    scratch = threads * scratch_bytes(program)
    of_dealt = threads * arena_bytes + scratch if dealt else 0
    return of_dealt + (arena_bytes + scratch if pieces > dealt else 0)


def word_count(program: Program) -> int:
    """Words of 8 bytes that the layout of a program has."""
    return JOB_FIELDS + sum(STEP_BYTES // 8 + len(step.args) for step in program.steps)


def lay_out(
    program: Program,
    functions: Mapping[str, int],
    address: Callable[[Arena | Weights], int],
    scratch: Scratch,
    clock: int,
    start: int,
) -> Layout:
    """The words of a program, to lie at the address `start`; the job comes first."""
    steps = program.steps
    inputs: list[list[int]] = [[] for _ in program.inputs]
    outputs: list[list[int]] = [[] for _ in program.outputs]
    words = [start + 8 * JOB_FIELDS, len(steps), scratch.address, scratch.stride, 0, clock]
    args = JOB_FIELDS + STEP_BYTES // 8 * len(steps)
    for step in steps:
        words += [functions[step.kernel.name], start + 8 * args, step.units]
        args += len(step.args)
    for step in steps:
        for place in step.args:
            if isinstance(place, Input):
                inputs[place.index].append(len(words))
            elif isinstance(place, Output):
                outputs[place.index].append(len(words))
            words.append(0 if isinstance(place, Input | Output) else address(place))
    return Layout(np.array(words, np.int64), tuple(map(tuple, inputs)), tuple(map(tuple, outputs)))
