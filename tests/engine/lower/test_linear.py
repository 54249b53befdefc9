from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.engine.lowered import check, every_isa, few, one

from lithe.engine.isa import InstructionSet
from lithe.graph import GraphBuilder, Model
from lithe.graph.ops import Activation, Concat, Conv2d, Fused, Linear, Slice, Transpose


def weights(c_in: int, c_out: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(c_in)
    return {
        "weight": rng.normal(size=(c_out, c_in)).astype(np.float32),
        "bias": rng.normal(size=c_out).astype(np.float32),
    }


@every_isa
@few
@given(
    rows=st.lists(st.integers(1, 5), min_size=0, max_size=4),
    c_in=st.integers(1, 40),
    c_out=st.integers(1, 40),
    bias=st.booleans(),
)
def test_over_the_last_axis_of_any_rank(
    isa: InstructionSet, tmp_path: Path, rows: list[int], c_in: int, c_out: int, bias: bool
) -> None:
    arrays = list(weights(c_in, c_out).values())[: 1 + bias]
    model = one(Linear(c_in, c_out, bias), (*rows, c_in), constants=arrays)
    # Partial sums are rounded at their own size, which may cancel to little at the end.
    check(model, isa, tmp_path, scale=8.0 * c_in)


@every_isa
@few
@given(
    rows=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    c=st.integers(1, 36),
    axis=st.integers(0, 3),
)
def test_between_parts_of_tensors(
    isa: InstructionSet, tmp_path: Path, rows: list[int], c: int, axis: int
) -> None:
    """What it reads is a part of a wider tensor, what it writes becomes one."""
    graph, shape = GraphBuilder(), (*rows, 2 * c)
    x = graph.input(shape)
    part = graph.add(Slice(len(rows), c // 2, c // 2 + c), graph.add(Activation("relu"), x))
    node = Fused(Linear(c, c), Activation("silu"), residual=True)
    names = {"weight": (c, c), "bias": (c,)}
    y = graph.add(node, part, part, constants=names.items())
    out = graph.add(Concat(axis % len(shape)), y, part, y)
    check(Model(graph.build(out), weights(c, c)), isa, tmp_path, scale=8.0 * c)


@every_isa
def test_behind_a_depthwise_convolution(isa: InstructionSet, tmp_path: Path) -> None:
    """Its channels are the last axis, the width of an image, and no pointwise convolution."""
    graph = GraphBuilder()
    x = graph.input((2, 5, 4, 7))
    filters = {"filters": (5, 1, 3, 3)}
    depthwise = Conv2d(5, 5, (3, 3), padding=(1, 1), groups=5)
    x = graph.add(depthwise, x, constants=filters.items())
    names = {"weight": (9, 7), "bias": (9,)}
    y = graph.add(Linear(7, 9), x, constants=names.items())
    other = graph.add(Transpose((0, 2, 3, 1)), y)
    rng = np.random.default_rng(0)
    arrays = {"filters": rng.normal(size=(5, 1, 3, 3)).astype(np.float32), **weights(7, 9)}
    check(Model(graph.build(y, other), arrays), isa, tmp_path, scale=8.0 * 9 * 7)
