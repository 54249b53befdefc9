"""What moves or renames: joined and cut without copies where that can be, right everywhere."""

from math import inf, prod
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engine.lowered import ISAS, check, every_isa, few, one

from lithe.engine.isa import InstructionSet
from lithe.engine.lower import lower
from lithe.engine.program import Program
from lithe.graph import GraphBuilder, Model
from lithe.graph.ops import (
    Activation,
    AdaptivePool2d,
    ChannelShuffle,
    Concat,
    Op,
    Pad,
    Pool2d,
    Reshape,
    Shape,
    Slice,
    Transpose,
)

isas = st.sampled_from(ISAS)
images = st.tuples(st.integers(1, 2), st.integers(1, 130), st.integers(1, 9), st.integers(1, 9))
others = st.lists(st.integers(1, 9), min_size=1, max_size=5).map(tuple)
RELU = Activation("relu")
POOL = Pool2d("max", (3, 3), (1, 1), (1, 1))


def labels(program: Program) -> list[str]:
    return [step.kernel.name.split("__")[0] for step in program.steps]


def chain(*ops: Op, shape: Shape) -> Model:
    graph = GraphBuilder()
    name = graph.input(shape)
    for op in ops:
        name = graph.add(op, name)
    return Model(graph.build(name))


@few
@given(shape=st.one_of(images, others), isa=isas, data=st.data())
def test_transpose(tmp_path: Path, shape: Shape, isa: InstructionSet, data: st.DataObject) -> None:
    axes = tuple(data.draw(st.permutations(range(len(shape)))))
    check(one(Transpose(axes), shape), isa, tmp_path)
    moved = tuple(shape[axis] for axis in axes)
    check(chain(Transpose(axes), Reshape((prod(moved),)), shape=shape), isa, tmp_path)
    if len(shape) == 4:
        check(chain(POOL, Transpose(axes), RELU, shape=shape), isa, tmp_path)


@every_isa
@pytest.mark.parametrize("c", [1, 2, 3, 4, 5, 8, 9, 16, 17, 40])
def test_planes_become_pixels_and_back(tmp_path: Path, isa: InstructionSet, c: int) -> None:
    # The input is c planes and so is the output; pooling works on pixels.
    check(one(POOL, (2, c, 5, 13)), isa, tmp_path)


@few
@given(shape=st.one_of(images, others), isa=isas, data=st.data())
def test_slice(tmp_path: Path, shape: Shape, isa: InstructionSet, data: st.DataObject) -> None:
    axis = data.draw(st.integers(0, len(shape) - 1))
    start = data.draw(st.integers(0, shape[axis] - 1))
    stop = data.draw(st.integers(start + 1, shape[axis]))
    cut = Slice(axis, start, stop, data.draw(st.integers(1, 3)))
    check(one(cut, shape), isa, tmp_path)
    check(chain(RELU, cut, Activation("neg"), shape=shape), isa, tmp_path)


@few
@given(shape=st.one_of(images, others), isa=isas, data=st.data())
def test_concat(tmp_path: Path, shape: Shape, isa: InstructionSet, data: st.DataObject) -> None:
    axis = data.draw(st.integers(0, len(shape) - 1))
    graph = GraphBuilder()
    parts = []
    for size in data.draw(st.lists(st.integers(1, 20), min_size=1, max_size=3)):
        x = graph.input((*shape[:axis], size, *shape[axis + 1 :]))
        parts.append(graph.add(RELU, x) if data.draw(st.booleans()) else x)
    joined = graph.add(Concat(axis), *parts, *parts[:1])
    check(Model(graph.build(joined, graph.add(RELU, joined))), isa, tmp_path)


@few
@given(shape=images, isa=isas, data=st.data())
def test_shuffle(tmp_path: Path, shape: Shape, isa: InstructionSet, data: st.DataObject) -> None:
    n, c, h, w = shape
    groups = data.draw(st.sampled_from([g for g in range(1, 13) if c % g == 0]))
    for rest in ((h, w), (h,), ()):
        check(one(ChannelShuffle(groups), (n, c, *rest)), isa, tmp_path)


@every_isa
@pytest.mark.parametrize(("parts", "c"), [(2, 58), (2, 7), (3, 20), (4, 1)])
def test_a_concat_that_is_shuffled_is_one_copy(
    tmp_path: Path, isa: InstructionSet, parts: int, c: int
) -> None:
    graph = GraphBuilder()
    x = graph.input((2, c + 9, 5, 3))
    pooled = graph.add(POOL, x)
    branches = [graph.add(Slice(1, i % 2, i % 2 + c), pooled) for i in range(parts)]
    y = graph.add(ChannelShuffle(parts), graph.add(Concat(1), *branches))
    program = check(Model(graph.build(graph.add(AdaptivePool2d(), y))), isa, tmp_path)
    assert sum(label.startswith("f32_interleave") for label in labels(program)) == 1
    assert "f32_copy" not in labels(program)


@few
@given(shape=images, isa=isas, frame=st.tuples(*[st.integers(0, 3)] * 4))
def test_pad(
    tmp_path: Path, shape: Shape, isa: InstructionSet, frame: tuple[int, int, int, int]
) -> None:
    check(one(Pad(*frame, -inf), shape), isa, tmp_path)
    check(chain(Slice(1, 0, 1), Pad(*frame, 0.5), RELU, shape=shape), isa, tmp_path)


@few
@given(shape=images, isa=isas)
def test_reshape(tmp_path: Path, shape: Shape, isa: InstructionSet) -> None:
    n, c, h, w = shape
    graph = GraphBuilder()
    x = graph.add(POOL, graph.input(shape))
    shapes = ((n, c * h * w), (n, c, h * w), (n * c, 1, h, w), (n, h, w, c), (prod(shape), 1, 1, 1))
    made = [graph.add(Reshape(out), x) for out in shapes]
    made += [graph.add(Activation("neg"), y) for y in made]
    check(Model(graph.build(*made)), isa, tmp_path)
    check(chain(Reshape((n, 1, c, h * w)), POOL, shape=shape), isa, tmp_path)


def joined() -> Model:
    """Two convolutions' worth of branches, as in a fire module, and the pooling that follows."""
    graph = GraphBuilder()
    x = graph.add(POOL, graph.input((1, 24, 6, 7)))
    one, other = graph.add(POOL, x), graph.add(RELU, graph.add(POOL, x))
    return Model(graph.build(graph.add(AdaptivePool2d(), graph.add(Concat(1), one, other))))


def test_what_is_joined_along_channels_is_written_in_place(tmp_path: Path) -> None:
    program = check(joined(), ISAS[0], tmp_path)
    assert not any(label.startswith("f32_copy") for label in labels(program))


def test_prefixes_of_a_longer_concat_are_parts_of_it(tmp_path: Path) -> None:
    # As in DenseNet every layer reads all that was made so far.
    graph = GraphBuilder()
    features = [graph.add(POOL, graph.input((2, 10, 5, 4)))]
    for width in (7, 5, 3):
        before = graph.add(Concat(1), *features) if len(features) > 1 else features[0]
        features.append(graph.add(RELU, graph.add(POOL, graph.add(Slice(1, 0, width), before))))
    model = Model(graph.build(graph.add(AdaptivePool2d(), graph.add(Concat(1), *features))))
    program = check(model, ISAS[0], tmp_path)
    assert not any(label.startswith("f32_copy") for label in labels(program))


def test_channels_last_costs_nothing(tmp_path: Path) -> None:
    ops = (POOL, Transpose((0, 2, 3, 1)), RELU, Transpose((0, 3, 1, 2)), AdaptivePool2d())
    program = check(chain(*ops, shape=(2, 20, 5, 4)), ISAS[0], tmp_path)
    assert len(program.steps) == 4  # planes to pixels, pool, relu, pool


def test_pixels_4_kb_apart_are_moved_apart() -> None:
    program = lower(chain(POOL, POOL, shape=(1, 1024, 3, 3)), ISAS[0], 1)
    assert np.all([size == 4 * (8 * 1040 + 1024) for size in program.buffers.values()])
