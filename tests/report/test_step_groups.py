"""Layers beside the steps that ran them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.report.profile_sample import sample, static_sample

from lithe.cost import LayerCost
from lithe.profiling import Profile
from lithe.profiling.latency import Latency
from lithe.profiling.values import RunLatency, StepLatency
from lithe.report.scale import Scale, counts, sizes, times
from lithe.report.step_groups import Sort, sorted_groups, step_groups


def _layer(path: str, macs: int) -> LayerCost:
    shape = (1, 4, 8, 8)
    return LayerCost(path, "pointwise", "conv 1x1", shape, shape, macs, 16, 1024, 2048)


def _step(layers: tuple[int, ...], seconds: float) -> StepLatency:
    return StepLatency("a step", "a kernel", layers, 100, 50, seconds, seconds, seconds)


# Two layers in one step, one that two steps work for, one that needs none.
SHARED = Profile(
    name="shared",
    input_shape=(1, 4, 8, 8),
    macs=4000,
    params=64,
    param_bytes=256,
    peak_activation_bytes=2048,
    peak_layer="block.expand",
    layers=(
        _layer("block.expand", 1000),
        _layer("block.project", 2000),
        _layer("twice", 1000),
        _layer("view", 0),
    ),
    latencies=(
        RunLatency(
            Latency(6e-5, 6e-5, 6e-5, 10, 1, "lithe"),
            5,
            (_step((0, 1), 3e-5), _step((2,), 2e-5), _step((2,), 1e-5), _step((), 5e-6)),
        ),
    ),
)


def test_layers_under_their_steps() -> None:
    groups = step_groups(SHARED, SHARED.latencies[0])
    assert [group.layers for group in groups] == [(0, 1), (2,), (2,), (), (3,)]
    assert [set(group.again) for group in groups] == [set(), set(), {2}, set(), set()]
    assert [group.seconds for group in groups] == [3e-5, 2e-5, 1e-5, 5e-6, None]


def test_without_a_run_every_layer_is_its_own() -> None:
    assert [group.layers for group in step_groups(SHARED, None)] == [(0,), (1,), (2,), (3,)]


@pytest.mark.parametrize("sort", ["macs", "params", "memory", "time"])
def test_the_most_costly_first_and_groups_stay_together(sort: Sort) -> None:
    whole = sample()
    groups = step_groups(whole, whole.latencies[0])
    ordered = sorted_groups(whole, groups, sort)
    assert set(ordered) == set(groups)

    def size(layers: tuple[int, ...]) -> int:
        rows = [whole.layers[i] for i in layers]
        field = {"macs": "macs", "params": "params"}.get(sort)
        if field:
            return sum(getattr(row, field) for row in rows)
        return max(row.live_bytes for row in rows)

    found = [group.seconds if sort == "time" else size(group.layers) for group in ordered]
    assert found == sorted(found, key=lambda value: -(value or 0))
    assert sorted_groups(whole, groups, None) == groups


@given(st.lists(st.lists(st.integers(0, 63), max_size=5), max_size=30))
def test_every_layer_is_shown_and_counted_once(steps: list[list[int]]) -> None:
    whole = static_sample()
    run = RunLatency(
        Latency(1, 1, 1, 1, 1, "lithe"), 1, tuple(_step(tuple(step), 1e-6) for step in steps)
    )
    groups = step_groups(whole, run)
    first = [i for group in groups for i in group.layers if i not in group.again]
    assert sorted(first) == list(range(len(whole.layers)))
    assert sum(group.step is not None for group in groups) == len(steps)


@given(st.lists(st.floats(0, 1e13), min_size=1))
def test_a_column_has_one_unit_and_few_digits(values: list[float]) -> None:
    for scale_of in (counts, sizes, times):
        scale = scale_of(values)
        for value in values:
            text = scale.text(value)
            assert (
                text in ("-", "~0")
                or abs(float(text) * scale.size - value) <= 0.0051 * value + 0.0005 * scale.size
            )
            if scale_of is not times:
                assert len(text) <= 5


def test_units() -> None:
    assert counts([29_202_432]) == Scale("M", 1e6)
    assert counts([9999]) == Scale("", 1.0)
    assert sizes([12]) == Scale("kB", 1e3)
    assert times([0.0101]) == Scale("ms", 1e-3)
    assert counts([]).text(None) == "-"
