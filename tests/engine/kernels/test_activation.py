"""Every activation against float64, on the numbers where such code goes wrong."""

from collections.abc import Mapping
from math import inf, nan

import numpy as np
import pytest
import torch
from tests.engine.guarded import guarded
from tests.engine.lowered import ISAS, Floats, one
from tests.graph.reference import ACTIVATIONS as EXACT

from lithe.engine.isa import InstructionSet
from lithe.engine.kernels.activation import ACTIVATIONS
from lithe.engine.lower import lower
from lithe.errors import LitheError
from lithe.graph import GraphBuilder, Model, ops
from lithe.graph.ops import Activation

ARGS: dict[str, tuple[tuple[float, ...], ...]] = {
    "leaky_relu": ((0.1,),),
    "elu": ((1.3,),),
    "softplus": ((1.0, 20.0), (1.5, 4.0)),
    "clamp": ((-1.0, 2.0), (-inf, 0.5), (0.25, inf)),
    "add_constant": ((1.25,),),
    "sub_constant": ((0.3,),),
    "rsub_constant": ((0.3,),),
    "mul_constant": ((-0.3,),),
    "div_constant": ((3.0,),),
    "pow_constant": ((1.7,), (0.5,), (-0.5,), (3.0,), (-2.0,), (0.0,), (71.0,)),
}
CASES = [(kind, args) for kind in ACTIVATIONS for args in ARGS.get(kind, ((),))]
Outputs = Mapping[tuple[str, tuple[float, ...]], Floats]
EDGES = np.array(
    [
        *(inf, -inf, nan, 0.0, -0.0, 1e-40, -1e-40, 1e-30, 1e30),
        *(88.5, 88.73, 89, -87.4, -88, -100, -104, 100, 20, 20.1, -20),
        *(3, -3, 6, -6, 5.65, -5.65, 5.66, -5.66, 0.6931, 0.7071, 1, 1.4142),
    ],
    np.float32,
)


def numbers() -> Floats:
    """Edges, and random numbers of every size that matters; 997 in all, no whole vectors."""
    rng = np.random.default_rng(0)
    scales = rng.choice([1e-6, 1e-3, 0.1, 1, 5, 30], 997 - len(EDGES))
    return np.concatenate([EDGES, rng.normal(0, scales).astype(np.float32)])


def test_what_is_here_are_activations_of_the_graph() -> None:
    assert set(ACTIVATIONS) < set(ops.ACTIVATIONS) - {ops.PRELU}


@pytest.fixture(scope="module", params=ISAS, ids=lambda isa: isa.name)
def outputs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Outputs:
    """What every activation makes of the numbers, from one program with an output for each."""
    isa: InstructionSet = request.param
    x = numbers()
    graph = GraphBuilder()
    name = graph.input(x.shape)
    made = [graph.add(Activation(kind, args), name) for kind, args in CASES]
    program = lower(Model(graph.build(*made)), isa, 1)
    results = guarded(program, [x], isa, tmp_path_factory.mktemp("cache"))
    return dict(zip(CASES, results, strict=True))


@pytest.mark.parametrize(("kind", "args"), CASES)
def test_as_exact_as_torch(outputs: Outputs, kind: str, args: tuple[float, ...]) -> None:
    x, ours = numbers(), outputs[kind, args]
    exact = EXACT[kind](torch.from_numpy(x).double(), *args).numpy()
    # A whole vector of each number: torch takes another way for what does not fill one.
    eager = EXACT[kind](torch.from_numpy(np.repeat(x, 16)), *args).numpy()[::16]
    np.testing.assert_array_equal(np.isnan(ours), np.isnan(exact))
    with np.errstate(over="ignore"):
        rounded = exact.astype(np.float32)
    np.testing.assert_array_equal(ours[np.isinf(rounded)], rounded[np.isinf(rounded)])
    finite = np.isfinite(rounded) & np.isfinite(eager)
    error = np.abs(ours[finite] - exact[finite])
    allowed = np.abs(eager[finite] - exact[finite])
    # Relative to the size of x, as an error of gelu at -6 is nothing beside the x it came from.
    size = np.maximum(np.abs(rounded[finite]), np.nan_to_num(np.minimum(np.abs(x[finite]), 1)))
    unit = np.spacing(size.astype(np.float32))
    worst = np.argmax(error / unit)
    most = max(2 * (allowed / unit).max(), 1.01)
    assert (error / unit).max() <= most, (x[finite][worst], error[worst], most)


def test_an_activation_that_is_not_here_is_named() -> None:
    with pytest.raises(LitheError, match="no kernel for cube"):
        lower(one(Activation("cube"), (1, 3)), ISAS[0], 1)
