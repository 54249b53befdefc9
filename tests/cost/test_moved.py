"""Other operations and moved bytes by hand, and what folds."""

from lithe.arch import architecture
from lithe.cost import LayerCost, cost
from lithe.graph import Graph, GraphBuilder, from_arch
from lithe.graph.ops import (
    Activation,
    BatchNorm,
    Binary,
    Concat,
    Conv2d,
    Flatten,
    Linear,
    Op,
    Pool2d,
    Shape,
    Slice,
)


def add(builder: GraphBuilder, op: Op, *inputs: str) -> str:
    """A node with constants of its own where its operator has some."""
    match op:
        case Conv2d():
            shapes: list[Shape] = [(op.c_out, op.c_in // op.groups, *op.kernel)]
        case Linear():
            shapes = [(op.c_out, op.c_in)]
        case BatchNorm():
            shapes = [(op.c,)] * 4
        case _:
            shapes = []
    if isinstance(op, Conv2d | Linear) and op.bias:
        shapes.append((op.c_out,))
    name = f"{type(op).__name__}{inputs[0]}"
    return builder.add(op, *inputs, params={f"{name}.{i}": s for i, s in enumerate(shapes)})


def rows(graph: Graph) -> list[tuple[str, int, int, int]]:
    return [
        (row.op, row.other_ops, row.read_bytes, row.weight_bytes) for row in cost(graph, 1).layers
    ]


def test_a_folded_batch_norm_is_no_work_and_leaves_a_bias() -> None:
    builder = GraphBuilder()
    x = builder.input((2, 3, 5, 5))
    x = add(builder, Conv2d(3, 4, (3, 3)), x)
    x = add(builder, BatchNorm(4), x)
    x = add(builder, Activation("relu"), x)
    x = add(builder, Conv2d(4, 2, (1, 1), bias=True), x)
    x = add(builder, BatchNorm(2), x)
    assert rows(builder.build(x)) == [
        ("conv 3x3", 2 * 4 * 9, 2 * 3 * 25, 4 * 3 * 9 + 4),
        ("conv 1x1", 0, 2 * 4 * 9, 4 * 2 + 2),
    ]


def test_a_batch_norm_that_cannot_fold_is_a_scale_and_a_shift() -> None:
    builder = GraphBuilder()
    x = builder.input((1, 4, 3, 3))
    first = add(builder, BatchNorm(4), x)
    relu = add(builder, Activation("relu"), first)
    conv = add(builder, Conv2d(4, 4, (1, 1)), relu)
    relu = add(builder, Activation("relu"), conv)
    norm = add(builder, BatchNorm(4), relu)  # behind an activation
    assert rows(builder.build(norm)) == [
        ("batchnorm", 2 * 36 + 36, 36, 2 * 4),
        ("conv 1x1", 36 + 2 * 36, 36, 16 + 2 * 4),
    ]


def test_a_convolution_that_others_read_too_keeps_its_batch_norm_outside() -> None:
    builder = GraphBuilder()
    x = builder.input((1, 2, 1, 1))
    conv = add(builder, Conv2d(2, 2, (1, 1)), x)
    norm = add(builder, BatchNorm(2), conv)
    both = add(builder, Binary("add"), conv, norm)
    assert rows(builder.build(both)) == [
        ("conv 1x1", 0, 2, 4),
        ("batchnorm", 4, 2, 4),
        ("add", 2, 4, 0),
    ]


def test_batch_norm_folds_into_a_linear_layer_whose_channels_it_norms_and_no_other() -> None:
    def built(shape: Shape) -> list[tuple[str, int, int, int]]:
        builder = GraphBuilder()
        x = add(builder, Linear(3, 3, bias=False), builder.input(shape))
        return rows(builder.build(add(builder, BatchNorm(3), x)))

    assert built((2, 3)) == [("linear", 0, 6, 9 + 3)]
    assert built((2, 3, 3)) == [("linear", 2 * 18, 18, 9 + 2 * 3)]


def test_a_view_moves_nothing_and_a_tensor_read_twice_is_read_once() -> None:
    builder = GraphBuilder()
    x = builder.input((1, 4, 2, 2))
    half = add(builder, Slice(1, 0, 2), x)
    square = add(builder, Binary("mul"), half, half)
    both = add(builder, Concat(1), x, square)
    pool = add(builder, Pool2d("max", (2, 2), (2, 2)), both)
    flat = add(builder, Flatten(), pool)
    graph = builder.build(flat)
    assert rows(graph) == [
        ("slice", 0, 0, 0),
        ("mul", 8, 8, 0),
        ("concat", 0, 16 + 8, 0),
        ("max", 6 * 4, 24, 0),
    ]
    found = cost(graph, 4)
    assert [row.moved_bytes for row in found.layers] == [0, 4 * 16, 4 * 48, 4 * 30]
    assert found.moved_bytes == sum(row.moved_bytes for row in found.layers)


def by_path(path: str) -> LayerCost:
    counted = cost(from_arch(architecture("mobilenet_v2")))
    return next(row for row in counted.layers if row.path == path)


def test_mobilenet_v2s_first_expansion_by_hand() -> None:
    row = by_path("blocks.2.expand.conv")
    pixels = 112 * 112
    assert row.other_ops == 96 * pixels  # its ReLU6; its batch norm is folded
    assert row.read_bytes == 4 * 16 * pixels
    assert row.weight_bytes == 4 * (96 * 16 + 96)
    assert row.moved_bytes == 4 * (16 * pixels + 96 * 16 + 96 + 96 * pixels)


def test_batch_multiplies_operations_but_not_weights() -> None:
    arch = architecture("mobilenet_v2", resolution=96)
    one, four = cost(from_arch(arch)), cost(from_arch(arch, batch=4))
    assert four.other_ops == 4 * one.other_ops
    weights = sum(row.weight_bytes for row in one.layers)
    assert four.moved_bytes - weights == 4 * (one.moved_bytes - weights)
