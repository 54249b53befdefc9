"""Whole models: random networks, any number of threads, another machine, what is refused."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.engine.guarded import guarded
from tests.engine.lowered import ISAS, check, drawn, every_isa, few, one
from tests.engine.on_aarch64 import run_on_aarch64
from tests.engine.programs import compiled
from tests.graph.networks import models
from tests.graph.reference import evaluate

from lithe.engine.isa import NEON, InstructionSet
from lithe.engine.kernels.activation import ACTIVATIONS
from lithe.engine.lower import lower
from lithe.errors import LitheError
from lithe.graph import Graph, GraphBuilder, Model, Node
from lithe.graph.ops import (
    Activation,
    AdaptivePool2d,
    Binary,
    ChannelShuffle,
    Concat,
    Conv2d,
    Fused,
    Mean,
    Pad,
    Part,
    Pool2d,
    Resize,
    Slice,
    Softmax,
    Transpose,
    Unknown,
)
from lithe.graph.passes import simplify

ARGS = {
    "leaky_relu": (0.1,),
    "elu": (1.3,),
    "softplus": (1.0, 20.0),
    "clamp": (-1.0, 2.0),
    "pow_constant": (1.7,),
}


@few
@given(drawn_model=models(), isa=st.sampled_from(ISAS), threads=st.integers(1, 3))
def test_random_networks(
    tmp_path: Path, drawn_model: Model, isa: InstructionSet, threads: int
) -> None:
    values = {name: np.asarray(v, np.float32) for name, v in drawn_model.values.items()}
    model = Model(drawn_model.graph, values)
    # Random weights cancel: a wrong element is off by far more than a unit of what is added up.
    for each in (model, simplify(model)):
        check(each, isa, tmp_path, threads=threads, scale=max(1000, size_of_terms(each)))


def size_of_terms(model: Model) -> float:
    """What a network adds up at most: its largest output without any signs that could cancel."""
    plain = {name: np.abs(values) for name, values in model.values.items()}
    inputs = [torch.from_numpy(np.abs(x)) for x in drawn(model)]
    found = [float(y.abs().max()) for y in evaluate(Model(model.graph, plain), *inputs)]
    return max([size for size in found if np.isfinite(size)], default=0.0)


@every_isa
def test_what_a_block_holds_inside_may_not_be_added_at_its_end(
    tmp_path: Path, isa: InstructionSet
) -> None:
    builder = GraphBuilder()
    x = builder.input((1, 8, 6, 5))
    inner = Conv2d(8, 8, (3, 3), padding=(1, 1), groups=8, bias=False)
    inside = builder.add(inner, x, params={"w0": (8, 1, 3, 3)})
    outer = builder.add(Conv2d(8, 8, (1, 1), bias=False), inside, params={"w1": (8, 8, 1, 1)})
    graph = builder.build(builder.add(Binary("add"), outer, inside))
    draw = np.random.default_rng(0).standard_normal
    values = {name: draw(shape).astype(np.float32) for name, shape in graph.weights.items()}
    check(simplify(Model(graph, values)), isa, tmp_path)


def everything() -> Model:
    """One of each kernel that is no convolution."""
    graph = GraphBuilder()
    x = graph.input((2, 22, 11, 9))
    pooled = graph.add(Pool2d("max", (3, 3), (2, 2), (1, 1)), x)
    average = graph.add(Pool2d("avg", (3, 3), (2, 2), (1, 1), count_include_pad=False), x)
    joined = graph.add(Concat(1), pooled, average)
    shuffled = graph.add(ChannelShuffle(2), joined)
    first, second = (graph.add(Slice(1, 22 * i, 22 * i + 22), shuffled) for i in (0, 1))
    larger = graph.add(Resize((11, 9), "bilinear"), first)
    nearest = graph.add(Resize((11, 9)), second)
    gate = graph.add(Activation("sigmoid"), graph.add(AdaptivePool2d(), larger))
    gated = graph.add(Fused(Binary("mul"), Activation("silu")), nearest, gate)
    framed = graph.add(Pad(1, 0, 2, 1, 0.5), gated)
    windows = graph.add(AdaptivePool2d("max", (3, 4)), framed)
    turned = graph.add(Transpose((0, 3, 1, 2)), windows)
    mean = graph.add(Mean((1,)), framed)
    along, across = graph.add(Softmax(1), framed), graph.add(Softmax(3), framed)
    positive = graph.add(Activation("abs"), windows)
    kinds = [*ACTIVATIONS]
    args = {kind: ARGS.get(kind, (0.7,) if "constant" in kind else ()) for kind in kinds}
    acts = [graph.add(Activation(kind, args[kind]), positive) for kind in kinds]
    return Model(graph.build(turned, mean, along, across, joined, *acts))


def test_neon_code_computes_the_same(tmp_path: Path) -> None:
    model = everything()
    (x,) = drawn(model)
    outputs = run_on_aarch64(lower(model, NEON, 1), [x], tmp_path)
    exact = evaluate(model, torch.from_numpy(x))
    for ours, right in zip(outputs, exact, strict=True):
        np.testing.assert_allclose(ours, right.numpy(), rtol=3e-6, atol=3e-6)


@every_isa
def test_units_in_parts_and_in_any_order_give_the_same_bits(
    tmp_path: Path, isa: InstructionSet
) -> None:
    program = lower(everything(), isa, 2)
    (x,) = drawn(everything())
    at_once = compiled(program, tmp_path, isa=isa)(x)
    for whole, parts in zip(at_once, guarded(program, [x], isa, tmp_path), strict=True):
        np.testing.assert_array_equal(whole, parts)


def test_what_is_given_back_unchanged_is_copied(tmp_path: Path) -> None:
    graph = GraphBuilder()
    x = graph.input((1, 3, 4, 5))
    y = graph.add(Activation("relu"), x)
    check(Model(graph.build(y, x, y)), ISAS[0], tmp_path)


def test_what_has_no_kernel_is_named_with_its_place() -> None:
    nodes = (
        Node(Unknown("aten.fft", (1, 4)), ("x",), "a", path="body.0", source="net.py:12"),
        Node(Part(1, (1, 4)), ("a",), "b"),
        Node(Fused(Softmax(1), Activation("relu")), ("b",), "c", path="head"),
    )
    graph = Graph(("x",), ("c",), nodes, dict.fromkeys("xabc", (1, 4)))
    with pytest.raises(LitheError, match="fallback=True") as raised:
        lower(Model(graph), ISAS[0], 1)
    assert "aten.fft (module body.0, net.py:12); part 1 of several outputs" in str(raised.value)
    assert "Softmax (module head)" in str(raised.value)


def test_a_tensor_of_nothing_is_refused() -> None:
    with pytest.raises(LitheError, match=r"\(1, 0, 4\) holds nothing"):
        lower(one(Activation("relu"), (1, 0, 4)), ISAS[0], 1)
