"""Lower a model and run it between guard pages, against the same model in float64."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings
from numpy.typing import NDArray
from tests.engine.guarded import guarded
from tests.graph.reference import evaluate

from lithe.engine.isa import InstructionSet
from lithe.engine.lower import lower
from lithe.engine.program import Program
from lithe.engine.target import runnable
from lithe.graph import GraphBuilder, Model
from lithe.graph.ops import Op, Shape

Floats = NDArray[np.float32]
ISAS = runnable()
# Few examples: each compiles its kernels and forks two processes.
few = settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
every_isa = pytest.mark.parametrize("isa", ISAS, ids=lambda isa: isa.name)


def one(op: Op, *shapes: Shape, constants: Sequence[Floats] = ()) -> Model:
    """The model of a single operator."""
    graph = GraphBuilder()
    names = {f"w{index}": array.shape for index, array in enumerate(constants)}
    inputs = [graph.input(shape) for shape in shapes]
    values = dict(zip(names, constants, strict=True))
    return Model(graph.build(graph.add(op, *inputs, constants=names.items())), values)


def drawn(model: Model, seed: int = 0) -> list[Floats]:
    """Random inputs for a model."""
    rng = np.random.default_rng(seed)
    shapes = (model.graph.shapes[name] for name in model.graph.inputs)
    return [np.asarray(rng.normal(0, 2, shape), np.float32) for shape in shapes]


def check(
    model: Model,
    isa: InstructionSet,
    folder: Path,
    inputs: Sequence[Floats] | None = None,
    threads: int = 2,
    scale: float = 0.0,
    single: bool = False,
) -> Program:
    """Run a model and hold it against float64: at most twice the error of float32 in torch.

    A unit in the last place of the largest number, or of `scale`, is allowed anyway: torch
    may be exact by luck. With `single` it is held against torch in float32. NaN and
    infinities have to be where torch has them.
    """
    program = lower(model, isa, threads)
    inputs = drawn(model) if inputs is None else inputs
    outputs = guarded(program, inputs, isa, folder)
    tensors = [torch.from_numpy(x) for x in inputs]
    exact = evaluate(model, *tensors)
    eager = evaluate(model, *tensors, dtype=torch.float32)
    exact = eager if single else exact
    for ours, right, theirs in zip(outputs, exact, eager, strict=True):
        _compare(ours, right.numpy(), theirs.numpy(), scale)
    return program


def _compare(ours: Floats, right: NDArray[np.float64], theirs: Floats, scale: float) -> None:
    assert ours.shape == right.shape
    np.testing.assert_array_equal(np.isnan(ours), np.isnan(theirs))
    np.testing.assert_array_equal(np.isinf(ours), np.isinf(theirs))
    finite = np.isfinite(theirs) & np.isfinite(ours)
    if not finite.any():
        return
    error = np.abs(ours[finite] - right[finite]).max()
    allowed = np.abs(theirs[finite] - right[finite]).max()
    largest = np.float32(max(np.abs(theirs[finite]).max(), scale))
    assert error <= max(2 * allowed, np.spacing(largest)), (error, allowed, largest)
