"""Passes keep what a network computes, and leave what they promise."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from tests.graph.networks import models
from tests.graph.reference import evaluate
from torch import Tensor, nn

from lithe.arch import architecture
from lithe.cost import cost
from lithe.errors import LitheError
from lithe.graph import GraphBuilder, Model, param_count
from lithe.graph.capture import capture_model
from lithe.graph.model import Array
from lithe.graph.ops import (
    Activation,
    AdaptivePool2d,
    BatchNorm,
    Binary,
    ChannelShuffle,
    Conv2d,
    Dropout,
    Fused,
    Linear,
    Op,
    Pad,
    Reshape,
    Slice,
)
from lithe.graph.passes import DEFAULT_PASSES, Pass, simplify, verify
from lithe.nets.build import build
from lithe.nets.torchvision_compat import models as torchvision_models


def inputs(model: Model) -> list[Tensor]:
    random = np.random.default_rng(0)
    shapes = [model.graph.shapes[name] for name in model.graph.inputs]
    return [torch.from_numpy(random.normal(size=shape)) for shape in shapes]


def assert_same(before: Model, after: Model, tolerance: float = 1e-9) -> None:
    xs = inputs(before)
    for y, z in zip(evaluate(after, *xs), evaluate(before, *xs), strict=True):
        torch.testing.assert_close(y, z, rtol=tolerance, atol=tolerance * float(z.abs().max()))


@pytest.mark.parametrize("each", DEFAULT_PASSES, ids=lambda each: str(each.__name__))
@given(model=models())
@settings(max_examples=25, deadline=None)
def test_every_pass_keeps_the_outputs(each: Pass, model: Model) -> None:
    verify(model)
    after = each(model)
    verify(after)
    assert_same(model, after)


@given(models())
@settings(max_examples=100, deadline=None)
def test_all_passes_together_keep_the_outputs_and_find_nothing_more_the_second_time(
    model: Model,
) -> None:
    after = simplify(model)
    assert_same(model, after)
    assert cost(after.graph).macs <= cost(model.graph).macs
    kinds = {type(node.op) for node in after.graph.nodes}
    assert not kinds & {Dropout}
    again = simplify(after)
    assert [node.op for node in again.graph.nodes] == [node.op for node in after.graph.nodes]


def ops(model: Model) -> list[Op]:
    return [node.op for node in model.graph.nodes]


def captured(name: str) -> Model:
    torch.manual_seed(0)
    network = torchvision_models.get_model(name, weights=None).eval()
    return capture_model(network, (1, 3, 64, 64))


def test_mobilenet_v2_becomes_52_convolutions_and_a_head() -> None:
    arch = architecture("mobilenet_v2", width=0.35, resolution=64)
    network = build(arch).eval()
    before = capture_model(network, (2, 3, 64, 64))
    after = simplify(before)
    assert_same(before, after, 1e-6)  # folded weights are rounded to float32
    fused = [op for op in ops(after) if isinstance(op, Fused)]
    convs = [op.op if isinstance(op, Fused) else op for op in ops(after)]
    assert sum(isinstance(op, Conv2d) for op in convs) == 52
    assert ops(after)[52:] == [
        AdaptivePool2d(),
        Reshape((2, 1280)),
        Linear(1280, 1000),
    ]
    assert sum(op.residual for op in fused) == 10
    assert sum(op.activation == Activation("relu6") for op in fused) == 35
    assert param_count(after.graph) == param_count(before.graph)
    assert cost(after.graph).macs == cost(before.graph).macs
    assert {row.kind for row in cost(after.graph).layers} == {
        row.kind for row in cost(before.graph).layers
    }


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("resnet18", {"Conv2d", "Pool2d", "AdaptivePool2d", "Reshape", "Linear"}),
        ("mobilenet_v3_small", {"Conv2d", "AdaptivePool2d", "Binary", "Reshape", "Linear"}),
        (
            "shufflenet_v2_x0_5",
            {"Conv2d", "Pool2d", "Concat", "ChannelShuffle", "Slice", "AdaptivePool2d", "Reshape",
             "Linear"},
        ),
        ("mnasnet0_5", {"Conv2d", "AdaptivePool2d", "Reshape", "Linear"}),
        ("squeezenet1_1", {"Conv2d", "Pool2d", "Concat", "AdaptivePool2d", "Reshape"}),
    ],
)  # fmt: skip
def test_what_is_left_of_known_networks(name: str, kinds: set[str]) -> None:
    before = captured(name)
    after = simplify(before)
    assert_same(before, after, 1e-5)
    assert {type(op.op if isinstance(op, Fused) else op).__name__ for op in ops(after)} == kinds


def test_a_residual_goes_before_the_activation() -> None:
    after = simplify(captured("resnet18"))
    residual = [op for op in ops(after) if isinstance(op, Fused) and op.residual]
    assert len(residual) == 8
    assert {op.activation for op in residual} == {Activation("relu")}


def one(op: Op, *then: Op, shape: tuple[int, ...] = (1, 4, 6, 6)) -> Model:
    """A chain of operators; only convolutions 4 -> 4 of 1x1 and batch norms have arrays."""
    builder = GraphBuilder()
    values: dict[str, Array] = {}
    x = builder.input(shape)
    for i, each in enumerate((op, *then)):
        sizes: dict[str, tuple[int, ...]] = {}
        if isinstance(each, Conv2d):
            sizes = {f"{i}.weight": (4, 4, 1, 1)}
        elif isinstance(each, BatchNorm):
            sizes = {f"{i}.{name}": (each.c,) for name in ("weight", "bias", "mean", "var")}
        values |= {name: np.ones(size, np.float32) for name, size in sizes.items()}
        x = builder.add(each, x, params=sizes)
    return Model(builder.build(x), values)


CONV = Conv2d(4, 4, (1, 1))


@pytest.mark.parametrize(
    ("model", "left"),
    [
        (one(CONV, BatchNorm(4), Dropout()), [replace(CONV, bias=True)]),
        (one(BatchNorm(4), CONV), [BatchNorm(4), CONV]),
        (one(Pad(1, 1, 2, 2), CONV), [replace(CONV, padding=(2, 1))]),
        (one(Pad(0, 1, 2, 2), CONV), [Pad(0, 1, 2, 2), CONV]),
        (one(Pad(1, 1, 2, 2, 1.0), CONV), [Pad(1, 1, 2, 2, 1.0), CONV]),
        (one(CONV, Activation("relu"), Activation("relu")),
         [Fused(CONV, Activation("relu")), Activation("relu")]),
        (one(Slice(1, 0, 4), CONV, BatchNorm(4, 0.5), Activation("gelu")),
         [Fused(replace(CONV, bias=True), Activation("gelu"))]),
        (one(BatchNorm(4), Activation("relu")), [Fused(BatchNorm(4), Activation("relu"))]),
    ],
)  # fmt: skip
def test_small_chains(model: Model, left: list[Op]) -> None:
    assert ops(simplify(model)) == left
    assert_same(model, simplify(model), 1e-6)


def test_what_others_read_is_left_alone() -> None:
    builder = GraphBuilder()
    x = builder.input((1, 4, 6, 6))
    weight = {"weight": (4, 4, 1, 1)}
    y = builder.add(CONV, x, params=weight)
    z = builder.add(Activation("relu"), y)
    both = Model(builder.build(z, y), {"weight": np.ones((4, 4, 1, 1), np.float32)})
    assert ops(simplify(both)) == [CONV, Activation("relu")]
    norm = one(CONV, BatchNorm(4))
    shown = Model(replace(norm.graph, outputs=("v0", "v1")), norm.values)
    assert ops(simplify(shown)) == [CONV, BatchNorm(4)]
    doubled = builder.add(Binary("add"), y, y)
    model = Model(builder.build(doubled), both.values)
    assert ops(simplify(model)) == [CONV, Binary("add")]


def test_a_residual_that_is_made_later_is_ready_where_the_sum_is_made() -> None:
    builder = GraphBuilder()
    x = builder.input((1, 4, 6, 6))
    weight = {"weight": (4, 4, 1, 1)}
    y = builder.add(CONV, x, params=weight)
    late = builder.add(Activation("tanh"), x)
    model = Model(
        builder.build(builder.add(Binary("add"), y, late)),
        {"weight": np.ones((4, 4, 1, 1), np.float32)},
    )
    after = simplify(model)
    assert ops(after) == [Activation("tanh"), Fused(CONV, residual=True)]
    assert_same(model, after)


def test_a_channel_shuffle_is_recognised_by_its_shapes_only() -> None:
    shuffle = nn.ChannelShuffle(2)
    model = simplify(capture_model(shuffle, (1, 8, 4, 4)))
    assert ops(model) == [ChannelShuffle(2)]

    class Spelled(nn.Module):
        def __init__(self, first: tuple[int, ...]) -> None:
            super().__init__()
            self.first = first

        def forward(self, x: Tensor) -> Tensor:
            return x.view(self.first).transpose(1, 2).contiguous().view(x.shape)

    assert ops(simplify(capture_model(Spelled((1, 4, 2, 4, 4)), (1, 8, 4, 4)))) == [
        ChannelShuffle(4)
    ]
    other = ops(simplify(capture_model(Spelled((1, 8, 2, 8)), (1, 8, 4, 4))))
    assert not any(isinstance(op, ChannelShuffle) for op in other)


def test_folding_is_rounded_once() -> None:
    torch.manual_seed(0)
    conv, norm = nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8)
    network = nn.Sequential(conv, norm).eval()
    nn.init.uniform_(norm.weight, 0.1, 3)
    norm.running_var = torch.rand(8) + 0.01
    (node,) = simplify(capture_model(network, (1, 8, 5, 5))).graph.nodes
    assert node.params == ("0.weight", "0.bias", "1.weight", "1.bias")
    assert norm.running_var is not None
    scale = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
    exact = conv.weight.double() * scale.view(-1, 1, 1, 1)
    found = simplify(capture_model(network, (1, 8, 5, 5))).values[node.constants[0]]
    assert found.dtype == np.float32
    assert np.array_equal(found, exact.detach().float().numpy())


def break_constant(model: Model) -> Model:
    return Model(model.graph, {**model.values, "0.weight": np.ones((4, 1, 1, 1), np.float32)})


def lose_constant(model: Model) -> Model:
    return Model(model.graph, {})


def swap(model: Model) -> Model:
    return Model(replace(model.graph, nodes=model.graph.nodes[::-1]), model.values)


def twice(model: Model) -> Model:
    return Model(replace(model.graph, nodes=model.graph.nodes * 2), model.values)


def lie(model: Model) -> Model:
    shapes = {**model.graph.shapes, "v0": (1, 4, 6, 5)}
    return Model(replace(model.graph, shapes=shapes), model.values)


def lose_output(model: Model) -> Model:
    return Model(replace(model.graph, outputs=("v9",)), model.values)


def one_too_many(model: Model) -> Model:
    first, *rest = model.graph.nodes
    first = replace(first, inputs=first.inputs * 2)
    return Model(replace(model.graph, nodes=(first, *rest)), model.values)


def invent(model: Model) -> Model:
    *rest, last = model.graph.nodes
    return Model(
        replace(model.graph, nodes=(*rest, replace(last, op=Activation("swoosh")))), model.values
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (break_constant, r"constant 0.weight is of shape \(4, 1, 1, 1\)"),
        (lose_constant, "no array for constant 0.weight"),
        (swap, "v0 is read before it is written"),
        (twice, "v0 is written twice"),
        (lie, r"v0 should be of shape \(1, 4, 6, 6\), not \(1, 4, 6, 5\)"),
        (lose_output, "output v9 is written by no node"),
        (one_too_many, "Conv2d was given 2 tensors"),
        (invent, "no activation swoosh of 0 numbers"),
    ],
)
def test_the_verifier_names_the_pass_and_the_mistake(wrong: Pass, message: str) -> None:
    model = one(CONV, Activation("relu"))
    with pytest.raises(LitheError, match=rf"^after {wrong.__name__}: .*{message}"):
        simplify(model, (wrong,))
