"""Convolutions of any shape, and blocks under every schedule, on every instruction set here."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.engine.accuracy import assert_as_accurate
from tests.engine.guarded import guarded

from lithe.engine.isa import InstructionSet
from lithe.engine.lower import lower
from lithe.engine.lower.blocks import fuse_block, fuse_with
from lithe.engine.lower.lower import Grouper
from lithe.engine.target import runnable
from lithe.graph import GraphBuilder, Model
from lithe.graph.ops import Activation, Binary, Conv2d
from lithe.graph.passes import simplify

ISAS = [pytest.param(isa, id=isa.name) for isa in runnable()]
DRAWN = settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class Drawing:
    """A graph with random weights under construction."""

    def __init__(self, shape: tuple[int, ...], seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.graph = GraphBuilder()
        self.values: dict[str, np.ndarray] = {}
        self.x = self.graph.input(shape)
        self.shape = shape

    def conv(self, x: str, op: Conv2d, act: str = "") -> str:
        name = f"w{len(self.values)}"
        shape = (op.c_out, op.c_in // op.groups, *op.kernel)
        bound = 1 / np.sqrt(np.prod(shape[1:]))
        self.values[name] = self.rng.uniform(-bound, bound, shape).astype(np.float32)
        params: dict[str, tuple[int, ...]] = {name: shape}
        if op.bias:
            self.values[f"{name}.bias"] = self.rng.standard_normal(op.c_out).astype(np.float32)
            params[f"{name}.bias"] = (op.c_out,)
        y = self.graph.add(op, x, path=name, params=params)
        return self.graph.add(Activation(act), y, path=act) if act else y

    def model(self, y: str) -> tuple[Model, np.ndarray]:
        graph = self.graph.build(y)
        x = self.rng.standard_normal(self.shape).astype(np.float32)
        return simplify(Model(graph, self.values)), x


def run(
    model: Model, x: np.ndarray, isa: InstructionSet, folder: Path, groupers: Sequence[Grouper] = ()
) -> tuple[str, ...]:
    """Run guarded and compare; the kernels that ran."""
    program = lower(model, isa, threads=1, groupers=tuple(groupers))
    assert_as_accurate(guarded(program, [x], isa, folder), model, [x])
    return tuple(step.kernel.name for step in program.steps)


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[tuple[int, ...], Conv2d, str]:
    kernel = draw(st.tuples(st.integers(1, 7), st.integers(1, 7)))
    groups = draw(st.sampled_from([1, 1, 1, 2, 3]))
    c_in = draw(st.integers(1, 130 // groups)) * groups
    c_out = draw(st.integers(1, 130 // groups)) * groups
    if draw(st.booleans()) and groups > 1:
        groups = c_out = c_in  # depthwise
    pair = st.tuples(st.integers(1, 3), st.integers(1, 3))
    dilation = draw(pair)
    spans = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    padding = (draw(st.integers(0, 4)), draw(st.integers(0, 4)))
    size = tuple(
        draw(st.integers(max(1, span - 2 * pad), max(1, span - 2 * pad) + 9))
        for span, pad in zip(spans, padding, strict=True)
    )
    op = Conv2d(
        c_in, c_out, kernel, draw(pair), padding, dilation, groups, bias=draw(st.booleans())
    )
    return (draw(st.integers(1, 2)), c_in, *size), op, draw(st.sampled_from(["", "relu6"]))


@pytest.mark.parametrize("isa", ISAS)
@DRAWN
@given(drawn=convolutions())
def test_any_convolution(
    tmp_path: Path, isa: InstructionSet, drawn: tuple[tuple[int, ...], Conv2d, str]
) -> None:
    shape, op, act = drawn
    drawing = Drawing(shape)
    run(*drawing.model(drawing.conv(drawing.x, op, act)), isa, tmp_path)


@st.composite
def blocks(draw: st.DrawFn) -> tuple[tuple[int, ...], dict[str, int]]:
    h, w = draw(st.integers(1, 17)), draw(st.integers(1, 17))
    sizes = {
        "c_in": draw(st.integers(1, 40)),
        "expanded": draw(st.integers(2, 70)),
        "c_out": draw(st.integers(1, 40)),
        "kernel": draw(st.sampled_from([3, 5, 7])),
        "stride": draw(st.integers(1, 2)),
    }
    return (draw(st.integers(1, 2)), sizes["c_in"], h, w), sizes


def block(shape: tuple[int, ...], s: dict[str, int]) -> tuple[Model, np.ndarray]:
    """Expansion, depthwise, projection; the input added where it can be."""
    drawing = Drawing(shape)
    c, k = s["expanded"], s["kernel"]
    x = drawing.conv(drawing.x, Conv2d(s["c_in"], s["c_in"], (1, 1)))
    y = drawing.conv(x, Conv2d(s["c_in"], c, (1, 1), bias=True), "relu6")
    pad, stride = (k // 2, k // 2), (s["stride"], s["stride"])
    y = drawing.conv(y, Conv2d(c, c, (k, k), stride, pad, groups=c, bias=True), "relu")
    y = drawing.conv(y, Conv2d(c, s["c_out"], (1, 1), bias=True))
    if s["stride"] == 1 and s["c_in"] == s["c_out"]:
        y = drawing.graph.add(Binary("add"), x, y)
    return drawing.model(y)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("schedule", ["rolling", "sliced"])
@DRAWN
@given(drawn=blocks())
def test_a_block_under_each_schedule(
    tmp_path: Path,
    isa: InstructionSet,
    schedule: str,
    drawn: tuple[tuple[int, ...], dict[str, int]],
) -> None:
    names = run(*block(*drawn), isa, tmp_path, [fuse_with(schedule)])
    assert any(f"_{schedule}_" in name for name in names)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("stride", [1, 2])
def test_a_residual_block(tmp_path: Path, isa: InstructionSet, stride: int) -> None:
    sizes = {"c_in": 24, "expanded": 50, "c_out": 24, "kernel": 3, "stride": stride}
    for schedule in ("rolling", "sliced"):
        run(*block((1, 24, 9, 11), sizes), isa, tmp_path, [fuse_with(schedule)])


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("size", [(32, 32), (33, 31), (7, 5)])
def test_a_stem_rolls_into_the_first_block(
    tmp_path: Path, isa: InstructionSet, size: tuple[int, int]
) -> None:
    drawing = Drawing((2, 3, *size))
    y = drawing.conv(drawing.x, Conv2d(3, 24, (3, 3), (2, 2), (1, 1), bias=True), "relu6")
    y = drawing.conv(y, Conv2d(24, 24, (3, 3), (1, 1), (1, 1), groups=24, bias=True), "relu6")
    y = drawing.conv(y, Conv2d(24, 10, (1, 1), bias=True))
    names = run(*drawing.model(y), isa, tmp_path, [fuse_block])
    assert any("_rolling_" in name for name in names)
