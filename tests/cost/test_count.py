"""Costs add up, layer by layer, and say what they are of."""

import pytest

from lithe.arch import architecture
from lithe.cost import KINDS, by_kind, cost, kind_of, layers
from lithe.graph import Graph, GraphBuilder, from_arch
from lithe.graph.ops import Binary, Conv2d, Linear, Op, Unknown


@pytest.mark.parametrize("name", ["mobilenet_v1", "mobilenet_v2", "conv_mobilenet"])
def test_rows_and_kinds_add_up_to_the_total(name: str) -> None:
    found = cost(from_arch(architecture(name)))
    assert sum(row.macs for row in found.layers) == found.macs
    assert sum(row.params for row in found.layers) == found.params
    assert max(row.live_bytes for row in found.layers) == found.peak_activation_bytes
    kinds = by_kind(found.layers)
    assert set(kinds) <= set(KINDS)
    assert sum(macs for macs, _ in kinds.values()) == found.macs
    assert sum(params for _, params in kinds.values()) == found.params


def test_batch_multiplies_macs_and_bytes_but_not_parameters() -> None:
    arch = architecture("mobilenet_v2", resolution=96)
    one, four = cost(from_arch(arch)), cost(from_arch(arch, batch=4))
    assert (four.macs, four.params) == (4 * one.macs, one.params)
    assert four.peak_activation_bytes == 4 * one.peak_activation_bytes


def test_half_the_bytes_at_16_bits() -> None:
    graph = from_arch(architecture("mobilenet_v1"))
    assert 2 * cost(graph, 2).peak_activation_bytes == cost(graph, 4).peak_activation_bytes


@pytest.mark.parametrize(
    ("op", "kind"),
    [
        (Conv2d(8, 16, (1, 1)), "pointwise"),
        (Conv2d(8, 16, (1, 1), stride=(2, 2)), "pointwise"),
        (Conv2d(8, 8, (3, 3), groups=8), "depthwise"),
        (Conv2d(8, 16, (3, 3), groups=8), "depthwise"),
        (Conv2d(8, 16, (1, 1), groups=4), "grouped"),
        (Conv2d(8, 16, (1, 3)), "standard"),
        (Conv2d(1, 16, (3, 3)), "standard"),
        (Linear(8, 2), "linear"),
        (Binary("add"), "other"),
        (Unknown("aten.fft_fft2.default", (1,)), "unknown"),
    ],
)
def test_kinds(op: Op, kind: str) -> None:
    assert kind_of(op) == kind


def separable(k: int, m: int, n: int, f: int) -> tuple[Graph, Graph]:
    """A depthwise separable and a standard layer of m to n channels on f x f pixels."""
    pad = (k // 2, k // 2)
    builder = GraphBuilder()
    x = builder.input((1, m, f, f))
    x = builder.add(Conv2d(m, m, (k, k), padding=pad, groups=m), x)
    first = builder.build(builder.add(Conv2d(m, n, (1, 1)), x))
    builder = GraphBuilder()
    x = builder.input((1, m, f, f))
    return first, builder.build(builder.add(Conv2d(m, n, (k, k), padding=pad), x))


@pytest.mark.parametrize(("k", "m", "n", "f"), [(3, 512, 512, 14), (5, 32, 64, 56), (1, 8, 8, 7)])
def test_section_3_1_of_the_v1_paper(k: int, m: int, n: int, f: int) -> None:
    light, standard = (cost(graph).macs for graph in separable(k, m, n, f))
    assert light == k * k * m * f * f + m * n * f * f
    assert standard == k * k * m * n * f * f
    assert light / standard == pytest.approx(1 / n + 1 / k**2)


def test_an_unknown_operator_is_a_row_with_its_name() -> None:
    builder = GraphBuilder()
    x = builder.input((1, 3, 4, 4))
    found = cost(builder.build(builder.add(Unknown("aten.fft_fft2.default", (1, 3, 4, 4)), x)))
    assert found.unknown == ("aten.fft_fft2.default",)
    assert [(row.kind, row.op, row.macs) for row in found.layers] == [
        ("unknown", "aten.fft_fft2.default", 0)
    ]


def test_layers_are_named_by_their_first_operator() -> None:
    parts = layers(from_arch(architecture("mobilenet_v2", width=0.35)))
    assert parts[0].path == "blocks.0.conv"
    assert [type(node.op).__name__ for node in parts[0].nodes] == [
        "Conv2d",
        "BatchNorm",
        "Activation",
    ]
    assert parts[-1].path == "classifier"
