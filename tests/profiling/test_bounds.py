"""Bounds beside a measured run, and predictions."""

from dataclasses import replace

import pytest

from lithe.arch import architecture
from lithe.cost import LayerCost, cost
from lithe.cost.roofline import Work, bounds
from lithe.device import Bandwidth, Cache, Device, Launch, Peak
from lithe.graph import from_arch
from lithe.profiling.bounds import predict, with_bounds
from lithe.profiling.latency import Latency
from lithe.profiling.values import RunLatency, StepLatency

BOARD = Device(
    name="board",
    kind="data sheet",
    cores=4,
    isa="neon",
    caches=(Cache("L1", 32_000, 1), Cache("L2", 1_000_000, 4)),
    peaks=(Peak("fp32", 1, 1e10), Peak("fp32", 4, 4e10)),
    bandwidths=(Bandwidth("L2", 4, 2e10), Bandwidth("memory", 4, 5e9)),
    launches=(Launch("lithe", 1, 2e-6),),
)


def _layer(macs: int, read: int, made: int, weights: int) -> LayerCost:
    return LayerCost("x", "linear", "linear", (), (), macs, 0, made, 0, 0, read, weights)


LAYERS = (_layer(100, 400, 800, 1600), _layer(200, 800, 400, 3200), _layer(0, 400, 400, 0))


def _run(*steps: StepLatency, threads: int = 1) -> RunLatency:
    total = Latency(1.0, 1.0, 1.0, 15, threads, "lithe")
    return RunLatency(total, 5, steps)


def _step(layers: tuple[int, ...], macs: int, moved: int) -> StepLatency:
    return StepLatency("s", "k", layers, macs, moved, 1e-3, 2e-3, 3e-3)


def test_a_fused_step_has_the_weights_of_all_its_layers() -> None:
    run = with_bounds(_run(_step((0, 1), 300, 5600), _step((2,), 0, 800)), LAYERS, BOARD)
    expected = bounds([Work(300, 800, 4800), Work(0, 800, 0)], BOARD, 1, "lithe")
    assert tuple(step.bound for step in run.steps) == expected
    assert run.steps[0].share == expected[0].seconds / 2e-3
    assert run.bound_s == sum(bound.seconds for bound in expected)
    assert all(step.bound and step.bound.overhead_s == 2e-6 for step in run.steps)


def test_of_two_steps_for_a_layer_the_last_reads_its_weights() -> None:
    run = with_bounds(_run(_step((0,), 0, 800), _step((0,), 100, 2800)), LAYERS, BOARD)
    expected = bounds([Work(0, 800, 0), Work(100, 1200, 1600)], BOARD, 1, "lithe")
    assert tuple(step.bound for step in run.steps) == expected


def test_threads_are_those_that_were_measured() -> None:
    one, four = (_run(_step((0,), 4000, 2800), threads=n) for n in (1, 4))
    bound_1, bound_4 = (with_bounds(run, LAYERS, BOARD).steps[0].bound for run in (one, four))
    assert bound_1
    assert bound_4
    assert bound_1.arithmetic_s == 4 * bound_4.arithmetic_s


def test_a_prediction_is_a_bound_for_each_layer() -> None:
    layers = cost(from_arch(architecture("mobilenet_v2"))).layers
    whole = predict(layers, BOARD)
    assert whole.threads == 4
    assert len(whole.bounds) == len(layers)
    assert whole.seconds >= 300_774_272 / 4e10
    alone = predict(layers, BOARD, threads=1)
    assert sum(bound.arithmetic_s for bound in alone.bounds) == pytest.approx(300_774_272 / 1e10)
    assert all(bound.overhead_s == 0 for bound in alone.bounds)


def test_more_of_a_kind_of_work_never_lowers_a_prediction() -> None:
    least = predict(LAYERS, BOARD, 1).seconds
    more = tuple(replace(layer, weight_bytes=layer.weight_bytes + 10**6) for layer in LAYERS)
    assert predict(more, BOARD, 1).seconds > least
