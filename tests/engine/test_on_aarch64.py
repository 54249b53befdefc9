from pathlib import Path

import numpy as np
import pytest
from tests.engine.accuracy import assert_as_accurate
from tests.engine.on_aarch64 import run_on_aarch64
from tests.engine.programs import square_chain, square_chain_reference

from lithe.arch import architecture
from lithe.engine.isa import NEON
from lithe.engine.lower import lower
from lithe.graph.from_arch import from_arch
from lithe.graph.model import Model
from lithe.graph.passes import simplify


@pytest.mark.parametrize("width", [3, 21, 64])
def test_steps_buffers_and_weights_are_where_neon_code_looks(tmp_path: Path, width: int) -> None:
    program = square_chain(NEON, width=width)
    x = np.random.default_rng(0).uniform(-1, 1, program.inputs[0]).astype(np.float32)
    (y,) = run_on_aarch64(program, [x], tmp_path)
    np.testing.assert_allclose(y, square_chain_reference(program, x), rtol=1e-4, atol=1e-6)


def drawn(name: str, width: float, resolution: int) -> Model:
    """A network of the papers with random weights whose activations neither grow nor die."""
    rng = np.random.default_rng(0)
    arch = architecture(name, width=width, resolution=resolution, num_classes=7)
    graph = from_arch(arch)
    values = {}
    for weight, shape in graph.weights.items():
        fan_in = max(1, int(np.prod(shape[1:])))
        array = rng.standard_normal(shape) * np.sqrt(2 / fan_in)
        values[weight] = (np.abs(array) + 0.5 if "norm" in weight else array).astype(np.float32)
    return simplify(Model(graph, values))


@pytest.mark.parametrize("name", ["mobilenet_v1", "mobilenet_v2"])
def test_a_network_computes_on_neon_what_pytorch_computes(tmp_path: Path, name: str) -> None:
    model = drawn(name, 0.25, 32)
    x = np.random.default_rng(1).standard_normal((1, 3, 32, 32)).astype(np.float32)
    assert_as_accurate(run_on_aarch64(lower(model, NEON, 1), [x], tmp_path), model, [x])
