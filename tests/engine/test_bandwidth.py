"""The bandwidth loops touch every byte of their part, once a trip, and nothing else."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from tests.engine.guarded import guarded
from tests.engine.on_aarch64 import run_on_aarch64

from lithe.engine.assembly import inner_loops
from lithe.engine.bandwidth import (
    Motion,
    bandwidth_loop,
    chunk_bytes,
    motion_kernel,
    touched,
    vectors,
)
from lithe.engine.cache import Cache
from lithe.engine.isa import INSTRUCTION_SETS, NEON, InstructionSet
from lithe.engine.llvm import assembly
from lithe.engine.loops import Bytes, loop_program, settings
from lithe.engine.program import Input, Output, Program, Step
from lithe.engine.target import runnable

EVERY = pytest.mark.parametrize("isa", INSTRUCTION_SETS.values(), ids=INSTRUCTION_SETS)
HERE = pytest.mark.parametrize("isa", runnable(), ids=lambda isa: isa.name)


def xor(part: Bytes, isa: InstructionSet) -> Bytes:
    """The exclusive or of a part's vectors."""
    words = part.reshape(-1, 4 * isa.lanes).view(np.uint64)
    reduced: Bytes = np.bitwise_xor.reduce(words, axis=0).view(np.uint8)
    return reduced


def random_bytes(size: int) -> Bytes:
    return np.random.default_rng(0).integers(0, 256, size, np.uint8)


@EVERY
@pytest.mark.parametrize(("motion", "loads", "stores"), [("read", 1, 0), ("copy", 1, 1)])
def test_a_trip_is_loads_and_stores_only(
    isa: InstructionSet, motion: Motion, loads: int, stores: int
) -> None:
    (loop,) = inner_loops(assembly(motion_kernel(motion, isa).ir, isa, comments=True))
    assert not loop.spills
    moved = "\n".join(loop.instructions)
    if isa.triple.startswith("x86"):
        register = {16: "%zmm", 8: "%ymm", 4: "%xmm"}[isa.lanes]
        read = [line for line in loop.instructions if "), %" in line and register in line]
        written = [line for line in loop.instructions if line.endswith(")") and register in line]
        assert (len(read), len(written)) == (loads * vectors(isa), stores * vectors(isa)), moved
    else:
        pairs = moved.count("ldp\tq"), moved.count("stp\tq")
        single = moved.count("ldr\tq"), moved.count("str\tq")
        assert 2 * pairs[0] + single[0] == loads * vectors(isa), moved
        assert 2 * pairs[1] + single[1] == stores * vectors(isa), moved


@HERE
@effort(max_examples=10)
@given(chunks=st.integers(1, 9), threads=st.integers(1, 3), trips=st.integers(0, 4))
def test_every_byte_is_read_in_every_trip(
    isa: InstructionSet, chunks: int, threads: int, trips: int
) -> None:
    part = 2 * chunks * chunk_bytes(isa)
    buffer = touched(threads * part, isa, threads, Cache())
    assert (buffer.view(np.int64) == 1).all()
    loop = bandwidth_loop("read", buffer, isa, threads, Cache())
    assert buffer.nbytes == threads * part == loop.work
    buffer[:] = random_bytes(buffer.nbytes)
    loop.run(trips)
    size = 4 * isa.lanes
    for line, own in zip(
        loop.output.reshape(threads, 64), buffer.reshape(threads, part), strict=True
    ):
        # What is read an even number of times cancels out.
        expected = xor(own, isa) if trips % 2 else np.zeros(size, np.uint8)
        np.testing.assert_array_equal(line[:size], expected)


@HERE
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("chunks", [1, 3])
def test_a_copy_is_a_copy(tmp_path: Path, isa: InstructionSet, threads: int, chunks: int) -> None:
    part = 2 * chunks * chunk_bytes(isa)
    buffer = touched(threads * part, isa, threads, Cache(tmp_path))
    loop = bandwidth_loop("copy", buffer, isa, threads, Cache(tmp_path))
    buffer[:] = random_bytes(buffer.nbytes)
    halves = buffer.reshape(threads, 2, part // 2)
    before = halves[:, 0].copy()
    loop.run(1)
    np.testing.assert_array_equal(halves[:, 0], before)
    np.testing.assert_array_equal(halves[:, 1], before)
    assert loop.work == buffer.nbytes  # half is read, half is written


@HERE
@pytest.mark.parametrize("motion", ["read", "copy", "fill"])
@pytest.mark.parametrize("chunks", [2, 6])
def test_nothing_beside_the_buffer_is_touched(
    tmp_path: Path, isa: InstructionSet, motion: Motion, chunks: int
) -> None:
    kernel, part, threads = motion_kernel(motion, isa), chunks * chunk_bytes(isa), 3
    shapes = ((threads * part // 4,), (threads * 16,))
    step = Step(kernel, (Input(0), Output(0), Output(1)), threads)
    program = Program((step,), {}, {}, ((16,),), shapes)
    buffer, _ = guarded(program, [settings(2, part).view(np.float32)], isa, tmp_path)
    filled = (buffer.view(np.int64) == 1).all()
    assert filled == (motion == "fill")


def test_buffers_are_shared_out_in_whole_chunks(tmp_path: Path) -> None:
    isa = runnable()[0]
    pair = 4 * chunk_bytes(isa)  # of two threads, each of which can copy a half to the other
    for size, made in ((1, pair), (pair, pair), (2 * pair - 1, pair), (2 * pair, 2 * pair)):
        assert touched(size, isa, 2, Cache(tmp_path)).nbytes == made


def test_it_reads_on_aarch64(tmp_path: Path) -> None:
    part = 3 * chunk_bytes(NEON)
    kernel = motion_kernel("read", NEON)
    buffer = random_bytes(2 * part)
    program = loop_program(kernel, [buffer.nbytes], 2)
    inputs = [settings(1, part).view(np.float32), buffer.view(np.float32)]
    (output,) = run_on_aarch64(program, inputs, tmp_path)
    for line, own in zip(
        output.view(np.uint8).reshape(2, 64), buffer.reshape(2, part), strict=True
    ):
        np.testing.assert_array_equal(line[:16], xor(own, NEON))
