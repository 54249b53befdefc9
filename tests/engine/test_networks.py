"""Whole networks against eager PyTorch: random tables, every instruction set, AArch64 too."""

import re
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import UNSET, UnsetType
from tests.engine.accuracy import assert_as_accurate
from tests.engine.guarded import guarded
from tests.engine.on_aarch64 import run_on_aarch64
from torch import nn

from lithe.arch import Architecture, Conv, DepthwiseSeparable, InvertedResidual
from lithe.arch.registry import architecture
from lithe.arch.rows import Activation
from lithe.engine.build import distinct_kernels
from lithe.engine.isa import NEON, InstructionSet
from lithe.engine.llvm import assembly
from lithe.engine.lower import lower
from lithe.engine.target import runnable
from lithe.graph import Model
from lithe.graph.capture import capture_model
from lithe.graph.passes import simplify
from lithe.nets.build import build

DRAWN = settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@st.composite
def architectures(draw: st.DrawFn, most: int = 40) -> Architecture:
    """A stem and up to three blocks of any kind, width, expansion, kernel and stride."""
    channels = st.integers(4, 40)
    squeezes: st.SearchStrategy[int | UnsetType] = st.sampled_from([UNSET, 2, 4])
    acts = st.sampled_from([UNSET, UNSET, *get_args(Activation)])
    rows: list[Conv | DepthwiseSeparable | InvertedResidual] = [Conv(k=3, s=2, c=draw(channels))]
    for _ in range(draw(st.integers(1, 3))):
        act, squeeze = draw(acts), draw(squeezes)
        k, s = draw(st.sampled_from([3, 5, 7])), draw(st.integers(1, 2))
        if draw(st.booleans()):
            rows.append(
                DepthwiseSeparable(k=k, c=draw(channels), n=1, s=s, act=act, squeeze=squeeze)
            )
        else:
            t = draw(st.sampled_from([1, 3, 6]))
            c = draw(channels)
            rows.append(InvertedResidual(t=t, k=k, c=c, n=2, s=s, act=act, squeeze=squeeze))
    return Architecture(
        name="drawn",
        rows=tuple(rows),
        resolution=draw(st.integers(9, most)),
        num_classes=draw(st.integers(1, 40)),
        activation=draw(st.sampled_from(get_args(Activation))),
    )


def model_and_input(arch: Architecture) -> tuple[Model, np.ndarray]:
    """A network with random weights and statistics, simplified, and an image."""
    torch.manual_seed(0)
    network = build(arch).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)  # type: ignore[union-attr]
            module.running_var.uniform_(0.5, 1.5)  # type: ignore[union-attr]
    shape = (1, arch.in_channels, arch.resolution, arch.resolution)
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    return simplify(capture_model(network, shape)), x


@pytest.mark.parametrize("isa", [pytest.param(isa, id=isa.name) for isa in runnable()])
@DRAWN
@given(arch=architectures())
def test_a_drawn_network_is_as_accurate_as_eager(
    tmp_path: Path, isa: InstructionSet, arch: Architecture
) -> None:
    model, x = model_and_input(arch)
    program = lower(model, isa, threads=1)
    assert_as_accurate(guarded(program, [x], isa, tmp_path), model, [x])


@DRAWN
@given(arch=architectures(most=24))
def test_a_drawn_network_runs_on_aarch64(tmp_path: Path, arch: Architecture) -> None:
    model, x = model_and_input(arch)
    outputs = run_on_aarch64(lower(model, NEON, threads=1), [x], tmp_path)
    assert_as_accurate(outputs, model, [x])


def test_no_sum_of_mobilenet_v2_leaves_the_registers_of_aarch64() -> None:
    """No vector register is written to the stack and read again between two multiply-adds."""
    model, _ = model_and_input(architecture("mobilenet_v2", width=0.35, resolution=96))
    program = lower(model, NEON, threads=1)
    counted = 0
    for kernel in distinct_kernels(step.kernel for step in program.steps):
        for loop in _loops(assembly(kernel.ir, NEON)):
            if sum("fmla" in line for line in loop) >= 4:
                spills = [
                    line for line in loop if re.search(r"\b(str|stp|ldr|ldp)\s+q.*\bsp\b", line)
                ]
                assert not spills, f"{kernel.name}: {spills}"
                counted += 1
    assert counted > 20


def _loops(text: str) -> list[list[str]]:
    """The bodies of innermost loops: from a label to the branch back to it."""
    lines, loops = text.splitlines(), []
    labels = {
        line[:-1]: index
        for index, line in enumerate(lines)
        if line.startswith(".L") and line.endswith(":")
    }
    for index, line in enumerate(lines):
        branch = re.search(r"\b(?:b\.\w+|cbn?z|tbn?z)\s.*?(\.L\w+)$", line)
        if branch and labels.get(branch[1], index) < index:
            body = lines[labels[branch[1]] : index]
            if not any(other.endswith(":") for other in body[1:]):
                loops.append(body)
    return loops
