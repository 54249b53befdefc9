import numpy as np
import pytest

from lithe.engine.batch import batch_of, mixes_samples, with_batch
from lithe.errors import LitheError
from lithe.graph.graph import Graph, GraphBuilder
from lithe.graph.model import Model
from lithe.graph.ops import (
    Activation,
    Binary,
    Concat,
    Conv2d,
    Copy,
    Flatten,
    Fused,
    Linear,
    Mean,
    Op,
    Reshape,
    Slice,
    Softmax,
    Transpose,
    Unknown,
)


def chain(*ops: Op, batch: int = 1) -> Graph:
    builder = GraphBuilder()
    x = builder.input((batch, 4, 6, 6))
    for op in ops:
        x = builder.add(op, x)
    return builder.build(x)


def test_shapes_follow_the_batch() -> None:
    def ops(batch: int) -> tuple[Op, ...]:
        return (
            Fused(Conv2d(4, 8, (3, 3)), Activation("relu")),
            Reshape((batch, 2, 4, 16)),
            Transpose((0, 2, 1, 3)),
            Copy((batch, 8, 4, 4)),
            Flatten(),
            Linear(128, 10),
            Softmax(1),
        )

    model = with_batch(Model(chain(*ops(1))), 5)
    assert batch_of(model.graph) == 5
    assert model.graph == chain(*ops(5), batch=5)
    assert with_batch(model, 1).graph == chain(*ops(1))
    assert with_batch(model, 5) is model


@pytest.mark.parametrize(
    "op",
    [
        Softmax(0),
        Mean((0, 1)),
        Transpose((1, 0, 2, 3)),
        Slice(0, 0, 1),
        Flatten(0),
        Reshape((4, 6, 6)),
        Unknown("aten.roll", (1, 4, 6, 6)),
        Fused(Softmax(0)),
    ],
)
def test_samples_that_meet_are_found(op: Op) -> None:
    graph = chain(op)
    assert mixes_samples(graph)
    with pytest.raises(LitheError, match="one batch size only"):
        with_batch(Model(graph), 2)


def test_a_concatenation_of_samples_is_found() -> None:
    builder = GraphBuilder()
    x, y = builder.input((1, 4, 6, 6)), builder.input((1, 4, 6, 6))
    assert "v0" in mixes_samples(builder.build(builder.add(Concat(0), x, y)))


def test_a_constant_for_each_sample_is_found() -> None:
    shapes: dict[tuple[int, ...], bool] = {
        (2, 4, 1, 1): True,
        (1, 4, 1, 1): False,
        (4, 1, 1): False,
    }
    for shape, meets in shapes.items():
        builder = GraphBuilder()
        x = builder.input((2, 4, 6, 6))
        graph = builder.build(builder.add(Binary("add"), x, constants=[("c", shape)]))
        assert bool(mixes_samples(graph)) == meets
        model = Model(graph, {"c": np.zeros(shape, np.float32)})
        if not meets:
            assert batch_of(with_batch(model, 3).graph) == 3
