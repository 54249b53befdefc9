from pathlib import Path

import numpy as np
import pytest
from tests.engine.on_aarch64 import run_on_aarch64
from tests.engine.programs import square_chain, square_chain_reference

from lithe.engine.isa import NEON


@pytest.mark.parametrize("width", [3, 21, 64])
def test_steps_buffers_and_weights_are_where_neon_code_looks(tmp_path: Path, width: int) -> None:
    program = square_chain(NEON, width=width)
    x = np.random.default_rng(0).uniform(-1, 1, program.inputs[0]).astype(np.float32)
    (y,) = run_on_aarch64(program, [x], tmp_path)
    np.testing.assert_allclose(y, square_chain_reference(program, x), rtol=1e-4, atol=1e-6)
