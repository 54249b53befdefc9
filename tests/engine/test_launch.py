from pathlib import Path

import pytest

from lithe.engine.cache import Cache
from lithe.engine.launch import STEPS, empty_program, launch_loop
from lithe.engine.target import instruction_set


@pytest.mark.parametrize("threads", [1, 2])
def test_every_thread_has_a_part_of_every_step(tmp_path: Path, threads: int) -> None:
    isa = instruction_set()
    program = empty_program(isa, threads)
    assert {step.units for step in program.steps} == {threads}
    loop = launch_loop(isa, threads, Cache(tmp_path))
    assert loop.work == STEPS == len(program.steps)
    assert 0 < 1 / loop.rate() < 1
