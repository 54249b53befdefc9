"""Run a program with every buffer between two pages that may not be touched.

Each buffer, weight, input, output and scratch has memory of its own, once flush against the
page behind it and once against the page before it, so that one byte past an end ends the
process. What is read only is protected against writing. All that a kernel may not rely on
is filled with NaN. Units are done one part after the other, the last first.
"""

import ctypes
import faulthandler
import math
import mmap
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lithe.engine.build import build
from lithe.engine.cache import Cache
from lithe.engine.isa import InstructionSet
from lithe.engine.program import Arena, Input, Output, Place, Program, Weights

Floats = NDArray[np.float32]
End = Literal["behind", "before"]

_PAGE = mmap.PAGESIZE
_NOTHING = 0  # PROT_NONE
_PARTS = 5  # of a step's units
_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.mmap.restype = ctypes.c_void_p
_LIBC.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long)
_KERNEL = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)


class Guarded:
    """Shared memory of `size` bytes, filled with NaN, with forbidden pages around it."""

    def __init__(self, size: int, end: End, *, align: int = 4) -> None:
        pages = max(1, math.ceil(size / _PAGE)) * _PAGE
        self._total = pages + 2 * _PAGE
        anywhere, shared = -1, mmap.MAP_SHARED | mmap.MAP_ANONYMOUS
        self._start = _LIBC.mmap(None, self._total, _NOTHING, shared, anywhere, 0)
        self._first, self._pages = self._start + _PAGE, pages
        self._protect(mmap.PROT_READ | mmap.PROT_WRITE)
        room = pages - size
        shift = room - room % align if end == "behind" else 0
        self.address = self._first + shift
        self._shift, self._size = shift, size
        self._all = np.ctypeslib.as_array((ctypes.c_uint8 * pages).from_address(self._first))
        self._all[:] = 0xFF
        self.bytes = self._all[shift : shift + size]

    def _protect(self, how: int) -> None:
        if _LIBC.mprotect(ctypes.c_void_p(self._first), ctypes.c_size_t(self._pages), how):
            raise OSError(ctypes.get_errno(), "mprotect")

    def fill(self, array: Floats) -> None:
        """Numbers that may only be read from now on."""
        self.bytes[:] = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        self._protect(mmap.PROT_READ)

    def untouched_beside(self) -> bool:
        """Whether what lies on the same pages beside the memory is as it was."""
        before, after = self._all[: self._shift], self._all[self._shift + self._size :]
        return bool((before == 0xFF).all() and (after == 0xFF).all())

    def free(self) -> None:
        _LIBC.munmap(ctypes.c_void_p(self._start), ctypes.c_size_t(self._total))


def guarded(
    program: Program, inputs: Sequence[Floats], isa: InstructionSet, folder: Path
) -> list[Floats]:
    """The outputs of a program, the same with the guards before and behind.

    Raises:
        AssertionError: a step touches what is not its own; says which, and on which side.
    """
    behind = _run(program, inputs, isa, folder, "behind")
    before = _run(program, inputs, isa, folder, "before")
    for one, other in zip(behind, before, strict=True):
        np.testing.assert_array_equal(one, other)
    return behind


def _run(
    program: Program, inputs: Sequence[Floats], isa: InstructionSet, folder: Path, end: End
) -> list[Floats]:
    code = build(program, isa, Cache(folder))
    memory: dict[Place, Guarded] = {}
    memory |= {Arena(name): Guarded(size, end) for name, size in program.buffers.items()}
    for name, array in program.weights.items():
        memory[Weights(name)] = Guarded(array.nbytes, end)
        memory[Weights(name)].fill(array)
    for index, x in enumerate(inputs):
        memory[Input(index)] = Guarded(x.nbytes, end)
        memory[Input(index)].fill(x)
    results = [Guarded(4 * math.prod(shape), end) for shape in program.outputs]
    memory |= {Output(index): result for index, result in enumerate(results)}
    scratch = [Guarded(step.kernel.scratch_bytes, end, align=64) for step in program.steps]
    progress = Guarded(8, "before")
    try:
        child = os.fork()
        if child == 0:
            faulthandler.disable()  # a crash is an answer here, which needs no traceback
            try:
                _steps(program, code.address, memory, scratch, progress)
            except BaseException:
                os._exit(1)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        at = int(progress.bytes.view(np.int64)[0])
        step = f"step {at} ({program.steps[at].label}, {program.steps[at].kernel.name})"
        assert status == 0, f"{step} touches memory {end} what is its own: status {status}"
        for place, block in [*memory.items(), *zip(program.steps, scratch, strict=True)]:
            assert block.untouched_beside(), f"something wrote beside {place}, guarded {end}"
        return [
            result.bytes.view(np.float32).reshape(shape).copy()
            for result, shape in zip(results, program.outputs, strict=True)
        ]
    finally:
        for block in (*memory.values(), *scratch, progress):
            block.free()


def _steps(
    program: Program,
    functions: Mapping[str, int],
    memory: dict[Place, Guarded],
    scratch: list[Guarded],
    progress: Guarded,
) -> None:
    for index, step in enumerate(program.steps):
        progress.bytes.view(np.int64)[0] = index
        places = [
            memory[Arena(place.buffer)].address + 4 * place.floats
            if isinstance(place, Arena)
            else memory[place].address
            for place in step.args
        ]
        args = np.array(places, np.int64)
        kernel = _KERNEL(functions[step.kernel.name])
        for part in reversed(range(_PARTS)):
            begin, end = (step.units * edge // _PARTS for edge in (part, part + 1))
            if begin < end:
                kernel(args.ctypes.data, begin, end, scratch[index].address)
