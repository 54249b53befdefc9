"""The guards themselves: they let what is right pass and stop what is wrong."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.engine.guarded import guarded
from tests.engine.programs import Floats, square_chain, square_chain_reference

from lithe.engine.isa import AVX2, BASELINE, InstructionSet
from lithe.engine.program import Arena, Program


def draw(program: Program) -> Floats:
    rng = np.random.default_rng(0)
    return rng.uniform(-1, 1, program.inputs[0]).astype(np.float32)


Fault = Callable[[Program], Program]


@pytest.mark.parametrize("isa", [AVX2, BASELINE])
@pytest.mark.parametrize("width", [1, 4, 7, 8, 9, 1024])
def test_a_program_that_keeps_to_its_own_runs(
    tmp_path: Path, isa: InstructionSet, width: int
) -> None:
    program = square_chain(isa, width=width)
    x = draw(program)
    (y,) = guarded(program, [x], isa, tmp_path)
    np.testing.assert_allclose(y, square_chain_reference(program, x), rtol=1e-4, atol=1e-6)


def _short_weights(program: Program) -> Program:
    return replace(program, weights={name: w[:-1] for name, w in program.weights.items()})


def _short_buffer(program: Program) -> Program:
    return replace(program, buffers={name: size - 4 for name, size in program.buffers.items()})


def _one_unit_more(program: Program) -> Program:
    *before, last = program.steps
    return replace(program, steps=(*before, replace(last, units=last.units + 1)))


def _early_buffer(program: Program) -> Program:
    first, second, *rest = program.steps
    second = replace(second, args=(Arena("b0", -1), *second.args[1:]))
    return replace(program, steps=(first, second, *rest))


def _short_scratch(program: Program) -> Program:
    steps = tuple(
        replace(step, kernel=replace(step.kernel, scratch_bytes=64)) for step in program.steps
    )
    return replace(program, steps=steps)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (_short_weights, "step 0 .*multiply_add_21.* behind"),
        (_short_buffer, "step 0 .* behind"),
        (_one_unit_more, "step 5 .* behind"),
        (_early_buffer, "step 1 .* before"),
        (_short_scratch, "step 0 .* behind"),
    ],
)
def test_one_float_past_an_end_is_noticed(tmp_path: Path, fault: Fault, says: str) -> None:
    program = square_chain(AVX2)
    x = draw(program)
    with pytest.raises(AssertionError, match=says):
        guarded(fault(program), [x], AVX2, tmp_path)
