"""The FMA loop does what it is counted to do, on every instruction set."""

import re

import pytest

from lithe.engine.isa import INSTRUCTION_SETS, InstructionSet
from lithe.engine.llvm import assembly
from lithe.engine.peak import ACCUMULATORS, REPEATS, fma_loop, loop_ir
from lithe.engine.target import runnable

EVERY = pytest.mark.parametrize("isa", INSTRUCTION_SETS.values(), ids=INSTRUCTION_SETS)


@EVERY
def test_the_trips_are_counted_right_and_nothing_spills(isa: InstructionSet) -> None:
    lines = assembly(loop_ir(isa), isa).splitlines()
    # The loop is what lies between the only backward jump and its label.
    (jump,) = (i for i, line in enumerate(lines) if re.match(r"\s+(j[a-z]+|b\.\w+)\s", line))
    label = lines[jump].split()[-1] + ":"
    start = next(i for i, line in enumerate(lines) if line.startswith(label))
    body = lines[start:jump]
    multiplied = [line for line in body if re.match(r"\s+(vfn?madd|fmla|mulps)", line)]
    assert len(multiplied) == ACCUMULATORS * REPEATS
    assert not [line for line in body if "(%rsp)" in line or "[sp" in line]


@pytest.mark.parametrize("isa", runnable(), ids=lambda isa: isa.name)
@pytest.mark.parametrize("threads", [1, 2])
def test_all_threads_run_all_sums(threads: int, isa: InstructionSet) -> None:
    loop = fma_loop(threads, isa.name)
    assert loop.run() == ACCUMULATORS * threads  # every sum stays at its fixed point, 1
    assert loop.macs % (threads * ACCUMULATORS * REPEATS * isa.lanes) == 0
    assert loop.isa == isa
