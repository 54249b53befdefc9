"""The loops hold the instruction that they are named after, and do what they are counted to do."""

from pathlib import Path

import numpy as np
import pytest
from tests.engine.on_aarch64 import run_on_aarch64

from lithe.engine.assembly import Loop as Printed
from lithe.engine.assembly import inner_loops
from lithe.engine.cache import Cache
from lithe.engine.isa import NEON, InstructionSet
from lithe.engine.llvm import assembly
from lithe.engine.loops import loop_program, settings
from lithe.engine.multiply_adds import MULTIPLY_ADDS, MultiplyAdd, rows_here
from lithe.engine.peak import (
    INSTRUCTIONS,
    accumulators,
    fma_loop,
    operands,
    peak_kernel,
    peak_loop,
    totals,
)
from lithe.engine.target import processor_flags, runnable


def name_of(row: MultiplyAdd) -> str:
    return f"{row.dtype}-{row.isa.name}-{row.instruction.split()[0]}-{row.macs}"


EVERY = pytest.mark.parametrize("row", MULTIPLY_ADDS, ids=name_of)
RUN_HERE = [row for row in MULTIPLY_ADDS if row.isa.triple == runnable()[0].triple]
RUN_HERE = [row for row in RUN_HERE if processor_flags().issuperset(row.isa.flags)]
ON_NEON = [row for row in MULTIPLY_ADDS if row.isa.name == "neon"]


def loop_of(row: MultiplyAdd) -> Printed:
    (loop,) = inner_loops(assembly(peak_kernel(row).ir, row.isa, comments=True))
    return loop


@EVERY
def test_a_trip_is_so_many_of_the_instruction_and_nothing_spills(row: MultiplyAdd) -> None:
    loop = loop_of(row)
    for instruction in row.instruction.split(" + "):
        found = [line for line in loop.instructions if instruction in line.split()]
        assert len(found) == INSTRUCTIONS
    assert not loop.spills
    assert not [line for line in loop.instructions if "(%r" in line or "[" in line]
    others = len(loop.instructions) - INSTRUCTIONS * len(row.instruction.split(" + "))
    # What counts trips; without fused multiply-adds LLVM also has to copy a factor.
    assert others <= (4 if row.isa.fused else INSTRUCTIONS + 4)


@EVERY
def test_the_sums_are_all_independent(row: MultiplyAdd) -> None:
    """Each register is written as often as every other one."""
    last = row.instruction.split(" + ")[-1]
    lines = [line.split() for line in loop_of(row).instructions if last in line.split()]
    written = [(words[-1] if "%" in words[-1] else words[1].split(",")[0]) for words in lines]
    assert {written.count(register) for register in written} == {INSTRUCTIONS // accumulators(row)}
    assert len(set(written)) == accumulators(row)


@EVERY
def test_macs_are_the_products_of_a_vector_of_factors(row: MultiplyAdd) -> None:
    bits = {"fp64": 64, "fp32": 32, "fp16": 16, "bf16": 16, "int8": 8}[row.dtype]
    numbers = {"avx512": 512, "avx2": 256}.get(row.isa.name, 128) // bits
    # A product of small matrices uses every number twice.
    assert row.macs == numbers * (2 if row.instruction.endswith("mmla") else 1)


@pytest.mark.parametrize("row", RUN_HERE, ids=name_of)
@pytest.mark.parametrize("threads", [1, 2])
def test_all_threads_run_all_sums(tmp_path: Path, row: MultiplyAdd, threads: int) -> None:
    loop = peak_loop(row, threads, Cache(tmp_path))
    loop.run(3)
    assert totals(row, loop) == [accumulators(row)] * threads  # at their fixed point
    assert loop.work == threads * INSTRUCTIONS * row.macs


@pytest.mark.parametrize("row", RUN_HERE, ids=name_of)
def test_every_operand_reaches_every_sum(tmp_path: Path, row: MultiplyAdd) -> None:
    """With other operands the sums are what plain arithmetic says of so many trips."""
    loop = peak_loop(row, 1, Cache(tmp_path))
    trips, count = 2, accumulators(row)
    if row.dot:
        loop.inputs[0][64:128] = loop.inputs[0][:64]  # y = x, all ones
        per_trip = INSTRUCTIONS * row.macs / int(row.sums[1:].split()[0])
    elif row.isa.fused:
        loop.inputs[0][:128] = np.tile(loop.inputs[0][128:], 2)  # x = y = 1
        per_trip = float(INSTRUCTIONS)
    else:
        loop.inputs[0][:64] = loop.inputs[0][128:]  # x = 1: every instruction adds a half
        per_trip = INSTRUCTIONS / 2
    loop.run(trips)
    assert totals(row, loop) == [count + trips * per_trip]


@pytest.mark.parametrize("row", ON_NEON, ids=name_of)
def test_the_loops_run_on_aarch64(tmp_path: Path, row: MultiplyAdd) -> None:
    kernel = peak_kernel(row)
    program = loop_program(kernel, [operands(row).nbytes], 2)
    inputs = [each.view(np.float32) for each in (settings(5), operands(row))]
    (output,) = run_on_aarch64(program, inputs, tmp_path, row.isa)
    kind = {"fp64": "f8", "fp16": "f2", "int8": "i4"}.get(row.dtype, "f4")
    lanes = output.view(np.uint8).reshape(2, 64)[:, :16].copy().view(kind)
    assert (lanes == accumulators(row)).all()


def test_the_best_instruction_set_of_each_type_is_measured() -> None:
    rows = rows_here()
    for dtype in {row.dtype for row in rows}:
        assert len({row.isa.name for row in rows if row.dtype == dtype}) == 1
    assert {row.isa for row in rows if row.dtype == "fp32"} == {runnable()[0]}


@pytest.mark.parametrize("isa", runnable(), ids=lambda isa: isa.name)
def test_the_fma_loop_counts_its_macs(isa: InstructionSet) -> None:
    loop = fma_loop(2, isa.name)
    assert loop.run() == 2 * loop.accumulators
    assert loop.macs % (2 * INSTRUCTIONS * isa.lanes) == 0
    assert loop.isa == isa


def test_neon_extensions_are_rows_of_their_own() -> None:
    assert {row.instruction for row in ON_NEON} == {
        *("fmla", "bfdot", "bfmmla", "sdot", "smmla"),
    }
    assert {row.isa.flags for row in ON_NEON if row.dtype == "fp32"} == {NEON.flags}
