"""Activations, arithmetic and batch norm on their own, on every instruction set."""

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.engine.lowered import ISAS, Floats, check, every_isa, few, one

from lithe.engine.isa import InstructionSet
from lithe.graph import GraphBuilder, Model
from lithe.graph.ops import Activation, BatchNorm, Binary, Fused, Shape

isas = st.sampled_from(ISAS)
kinds = st.sampled_from(["add", "sub", "mul", "div", "maximum", "minimum"])


def constant(*shape: int) -> Floats:
    return np.random.default_rng(3).normal(1, 1, shape).astype(np.float32)


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    """Of rank 1 to 5; images have up to 130 channels."""
    if draw(st.booleans()):
        n, c = draw(st.integers(1, 3)), draw(st.integers(1, 130))
        return n, c, draw(st.integers(1, 9)), draw(st.integers(1, 9))
    return tuple(draw(st.lists(st.integers(1, 7), min_size=1, max_size=5)))


@few
@given(shape=shapes(), isa=isas, kind=kinds, seed=st.integers(0, 2**20))
def test_arithmetic_broadcasts(
    tmp_path: Path, shape: Shape, isa: InstructionSet, kind: str, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    other = tuple(1 if rng.random() < 0.4 else size for size in shape)
    other = other[rng.integers(0, len(shape)) :] or other
    for pair in ((shape, other), (other, shape)):
        check(one(Binary(kind), *pair), isa, tmp_path)


@few
@given(shape=shapes(), isa=isas, kind=kinds, first=st.booleans(), seed=st.integers(0, 2**20))
def test_arithmetic_with_a_constant(
    tmp_path: Path, shape: Shape, isa: InstructionSet, kind: str, first: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    sizes = [1 if rng.random() < 0.4 else size for size in shape]
    array = constant(*sizes[rng.integers(0, len(shape) + 1) :])
    check(one(Binary(kind, first), shape, constants=[array]), isa, tmp_path)


@few
@given(shape=shapes().filter(lambda shape: len(shape) > 1), isa=isas)
def test_batch_norm_and_prelu_know_their_channels(
    tmp_path: Path, shape: Shape, isa: InstructionSet
) -> None:
    c = shape[1]
    statistics = [constant(c), constant(c), constant(c), np.abs(constant(c)) + np.float32(0.1)]
    check(one(BatchNorm(c), shape, constants=statistics), isa, tmp_path, scale=16)
    check(one(Activation("prelu"), shape, constants=[constant(c)]), isa, tmp_path)
    check(one(Activation("prelu"), shape, constants=[constant(1)]), isa, tmp_path)


@every_isa
def test_what_is_fused_comes_after(tmp_path: Path, isa: InstructionSet) -> None:
    shape = (2, 21, 5, 3)
    clamp = Activation("clamp", (-0.5, 1.5))
    check(one(Fused(Binary("mul"), clamp), shape, (2, 21, 1, 1)), isa, tmp_path)
    check(one(Fused(Binary("mul"), clamp, residual=True), shape, shape, shape), isa, tmp_path)


@every_isa
def test_nan_is_the_larger_and_the_smaller_of_two(tmp_path: Path, isa: InstructionSet) -> None:
    x = constant(3, 37)
    y = constant(3, 37)
    x[0, ::3] = np.nan
    y[0, ::2] = np.nan
    y[1] = np.inf
    for kind in ("maximum", "minimum"):
        check(one(Binary(kind), x.shape, y.shape), isa, tmp_path, [x, y])


@every_isa
def test_a_long_row_is_shared_out(tmp_path: Path, isa: InstructionSet) -> None:
    for shape in ((1, 1, 101, 203), (3, 20011)):
        program = check(one(Activation("relu"), shape), isa, tmp_path)
        assert program.steps[0].units > 4


def gated() -> Model:
    """x -> relu(x) * sigmoid of its mean, the way squeeze and excitation ends."""
    graph = GraphBuilder()
    x = graph.input((1, 20, 6, 5))
    y = graph.add(Activation("abs"), graph.add(Activation("neg"), x))
    gate = graph.input((1, 20, 1, 1))
    z = graph.add(Binary("mul"), y, graph.add(Activation("sigmoid"), gate))
    return Model(graph.build(graph.add(Binary("add"), z, z)))


def test_a_tensor_is_overwritten_by_its_last_reader(tmp_path: Path) -> None:
    program = check(gated(), ISAS[0], tmp_path)
    assert len(program.buffers) < len(program.steps) - 1
