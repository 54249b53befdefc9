"""Run a program on another machine: an ELF file of our own making, under qemu-aarch64.

The file holds code, weights, inputs and room for all the rest at fixed addresses. It starts
with a few instructions that call the step loop, write the outputs and exit, so neither a C
compiler nor a C library for that machine is needed.
"""

import os
import shutil
import struct
import subprocess
from collections.abc import Sequence
from math import prod
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lithe.engine.build import distinct_kernels, object_of
from lithe.engine.cache import Cache
from lithe.engine.isa import NEON, InstructionSet
from lithe.engine.layout import Scratch, lay_out, scratch_bytes, word_count
from lithe.engine.native import native_ir
from lithe.engine.objects import image_of
from lithe.engine.plan import plan_program
from lithe.engine.program import Arena, Program, Weights

Floats = NDArray[np.float32]

_CODE = 0x40_0000
_DATA = 0x4000_0000
_HEADER_BYTES = 0x1000  # ELF headers and the first instructions, one page
_STDOUT, _WRITE, _EXIT = 1, 64, 93
_EXECUTABLE, _AARCH64, _LOAD = 2, 183, 1
_READ_WRITE, _READ_RUN = 6, 5


def run_on_aarch64(
    program: Program, inputs: Sequence[Floats], folder: Path, isa: InstructionSet = NEON
) -> list[Floats]:
    """The outputs of a program for NEON. Files go to `folder`; compiled kernels are kept there.

    `isa` may be NEON with extensions.

    Raises:
        AssertionError: the program crashed.
    """
    emulator = shutil.which("qemu-aarch64")
    if emulator is None:
        pytest.skip("qemu-aarch64 (Debian's qemu-user) is not installed")
    file = folder / "network"
    file.write_bytes(_executable(program, inputs, isa, Cache(folder / "cache")))
    file.chmod(0o700)
    answer = folder / "answer"
    with answer.open("wb") as out:  # a file takes all in one write, a pipe might not
        run = subprocess.run([emulator, os.fspath(file)], stdout=out, stderr=subprocess.PIPE)
    assert run.returncode == 0, f"status {run.returncode}: {run.stderr.decode()}"
    numbers = np.fromfile(answer, np.float32)
    ends = np.cumsum([prod(shape) for shape in program.outputs])
    assert len(numbers) == ends[-1]
    parts = np.split(numbers, ends[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, program.outputs, strict=True)]


class _Data:
    """A block of memory under construction, and the addresses it has in the process."""

    def __init__(self) -> None:
        self.bytes = bytearray()

    def put(self, content: bytes | int) -> int:
        """Content, or that many bytes of 0xFF, as a float NaN; its address."""
        self.bytes += bytes(-len(self.bytes) % 64)
        address = _DATA + len(self.bytes)
        self.bytes += b"\xff" * content if isinstance(content, int) else content
        return address


def _executable(
    program: Program, inputs: Sequence[Floats], isa: InstructionSet, cache: Cache
) -> bytes:
    kernels = distinct_kernels(step.kernel for step in program.steps)
    texts = [*(kernel.ir for kernel in kernels), native_ir(NEON)]
    image, offsets = image_of([object_of(text, isa, cache) for text in texts])
    functions = {name: _CODE + _HEADER_BYTES + at for name, at in offsets.items()}
    data = _Data()
    weights = {name: data.put(array.tobytes()) for name, array in program.weights.items()}
    plan = plan_program(program)
    arena = data.put(plan.total_bytes)
    scratch = Scratch(data.put(scratch_bytes(program)), 0)

    def address(place: Arena | Weights) -> int:
        if isinstance(place, Arena):
            return arena + plan.offsets[place.buffer] + 4 * place.floats
        return weights[place.name]

    sizes = [4 * prod(shape) for shape in program.outputs]
    given = [data.put(np.ascontiguousarray(x, np.float32).tobytes()) for x in inputs]
    results = [data.put(size) for size in sizes]
    start = data.put(8 * word_count(program))
    layout = lay_out(program, functions, address, scratch, 0, start)
    for slots, place in zip((*layout.inputs, *layout.outputs), given + results, strict=True):
        for slot in slots:
            layout.words[slot] = place
    at = start - _DATA
    data.bytes[at : at + layout.words.nbytes] = layout.words.tobytes()
    begin = _first_instructions(start, functions["lithe_alone"], results, sizes)
    return _elf(begin, image, bytes(data.bytes))


def _first_instructions(job: int, alone: int, results: list[int], sizes: list[int]) -> bytes:
    """lithe_alone(job); write(1, each result); exit(0)."""
    words = [*_set(0, job), *_set(16, alone), 0xD63F0200]  # blr x16
    for address, size in zip(results, sizes, strict=True):
        words += [*_set(0, _STDOUT), *_set(1, address), *_set(2, size), *_set(8, _WRITE), _CALL]
    words += [*_set(0, 0), *_set(8, _EXIT), _CALL]
    return struct.pack(f"<{len(words)}I", *words)


_CALL = 0xD4000001  # svc #0


def _set(register: int, value: int) -> list[int]:
    """Instructions movz and movk that put 48 bits into a register."""
    halves = [value >> shift & 0xFFFF for shift in (0, 16, 32)]
    first = 0xD2800000 | halves[0] << 5 | register
    return [
        first,
        *(0xF2800000 | i << 21 | half << 5 | register for i, half in enumerate(halves) if i),
    ]


def _elf(begin: bytes, image: bytes, data: bytes) -> bytes:
    """A static executable of two segments: header, first instructions and code; then data."""
    header_bytes = 64 + 2 * 56
    assert header_bytes + len(begin) <= _HEADER_BYTES
    code_bytes = _HEADER_BYTES + len(image)
    data_at = -(-code_bytes // 0x1000) * 0x1000
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    entry = _CODE + header_bytes
    header = ident + struct.pack(
        "<HHIQQQIHHHHHH", _EXECUTABLE, _AARCH64, 1, entry, 64, 0, 0, 64, 56, 2, 0, 0, 0
    )
    segments = [
        (_LOAD, _READ_RUN, 0, _CODE, _CODE, code_bytes, code_bytes, 0x1000),
        (_LOAD, _READ_WRITE, data_at, _DATA, _DATA, len(data), len(data), 0x1000),
    ]
    text = header + b"".join(struct.pack("<IIQQQQQQ", *segment) for segment in segments)
    text = (text + begin).ljust(_HEADER_BYTES, b"\0") + image
    return text.ljust(data_at, b"\0") + data
