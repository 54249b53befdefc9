"""Bounds worked out by hand, and what must hold of every machine and every network."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as with_rows

from lithe.cost import LayerCost
from lithe.cost.roofline import (
    Bound,
    Work,
    bounds,
    farthest,
    layer_bounds,
    spread,
    transfer_s,
    work_of,
)
from lithe.device import Bandwidth, Cache, Device, Launch, Peak
from lithe.errors import LitheError

# One core: 1000 MAC/s; 100 bytes at 100 B/s, 400 more at 50 B/s, the rest at 10 B/s.
SMALL = Device(
    name="small",
    kind="measured",
    cores=2,
    isa="",
    caches=(Cache("L1", 100, 1), Cache("L2", 400, 2)),
    peaks=(Peak("fp32", 1, 1000.0), Peak("fp32", 2, 1800.0)),
    bandwidths=(
        Bandwidth("L1", 1, 100.0),
        Bandwidth("L1", 2, 200.0),
        Bandwidth("L2", 1, 50.0),
        Bandwidth("memory", 1, 10.0),
        Bandwidth("memory", 2, 15.0),
    ),
    launches=(Launch("lithe", 1, 0.25), Launch("eager", 1, 4.0)),
)


def test_a_step_by_hand() -> None:
    """700 bytes of activations: 100 from L1, 400 from L2, 200 from memory."""
    (bound,) = bounds([Work(5000, 700, 0)], SMALL, 1, "lithe")
    assert bound.arithmetic_s == 5.0
    assert bound.memory_s == 100 / 100 + 400 / 50 + 200 / 10
    assert (bound.seconds, bound.side, bound.level) == (29.0, "memory", "memory")
    assert bound.overhead_s == 0.25


def test_weights_lie_where_those_of_the_whole_network_do() -> None:
    """250 bytes of weights together: two fifths in L1, three in L2, for each step alike."""
    first, second = bounds([Work(0, 0, 50), Work(0, 100, 200)], SMALL, 1)
    a_byte = (100 / 100 + 150 / 50) / 250
    assert first.memory_s == pytest.approx(50 * a_byte)
    assert second.memory_s == pytest.approx(100 / 100 + 200 * a_byte)
    assert (first.level, second.level) == ("L1", "L1")


def test_two_threads_have_two_first_levels_and_more_of_the_rest() -> None:
    (bound,) = bounds([Work(5000, 700, 0)], SMALL, 2, "lithe")
    assert bound.arithmetic_s == 5000 / 1800
    # The second level is shared and was measured with one thread: two have twice that at best.
    assert bound.memory_s == pytest.approx(200 / 200 + 400 / 100 + 100 / 15)


def test_a_copy_that_moves_more_than_reading_is_the_rate() -> None:
    rows = tuple(
        with_rows(row, copy_bytes_per_s=2 * row.read_bytes_per_s) for row in SMALL.bandwidths
    )
    quick = with_rows(SMALL, bandwidths=rows)
    assert bounds([Work(0, 700, 0)], quick, 1)[0].memory_s == 29 / 2
    rows = tuple(with_rows(row, copy_bytes_per_s=1.0) for row in SMALL.bandwidths)
    assert bounds([Work(0, 700, 0)], with_rows(SMALL, bandwidths=rows), 1)[0].memory_s == 29


def test_the_side_that_binds_is_the_longest() -> None:
    sides = {
        Bound(3.0, 2.0, 1.0, "L1").side,
        Bound(1.0, 2.0, 1.0, "L1").side,
        Bound(1.0, 2.0, 3.0, "L1").side,
    }
    assert sides == {"arithmetic", "memory", "overhead"}
    assert Bound(1.0, 2.0, 3.0, "L1").seconds == 2.0


@pytest.mark.parametrize(
    ("size", "level"), [(0, "L1"), (100, "L1"), (101, "L2"), (500, "L2"), (501, "memory")]
)
def test_the_level_is_the_farthest_that_is_needed(size: int, level: str) -> None:
    assert farthest(SMALL, 1, size) == level


def test_what_is_not_known_costs_nothing() -> None:
    bare = with_rows(SMALL, bandwidths=(Bandwidth("memory", 1, 10.0),), launches=())
    (bound,) = bounds([Work(0, 700, 0)], bare, 1, "eager")
    assert (bound.memory_s, bound.overhead_s) == (20.0, 0.0)
    none = with_rows(SMALL, bandwidths=())
    assert bounds([Work(0, 700, 10)], none, 1)[0].memory_s == 0


def test_without_a_peak_there_is_no_bound() -> None:
    integers = with_rows(SMALL, peaks=(Peak("int8", 1, 9.0),))
    with pytest.raises(LitheError, match=r"small has no multiply-add peak in fp32 \(int8\)"):
        bounds([], integers, 1)
    assert bounds([], SMALL, 1) == ()


def test_a_layer_moves_what_it_reads_and_what_it_makes() -> None:
    layer = LayerCost("a", "linear", "linear", (1, 5), (1, 6), 30, 36, 24, 44, 6, 20, 144)
    assert work_of(layer) == Work(30, 44, 144)
    assert layer_bounds([layer], SMALL, 1) == bounds([work_of(layer)], SMALL, 1)
    assert work_of(replace(layer, activation_bytes=0, read_bytes=0)).activation_bytes == 0


SIZES = st.integers(0, 10**9)
WORK = st.lists(st.builds(Work, SIZES, SIZES, SIZES), min_size=1, max_size=6)
RATE = st.floats(1.0, 1e12)


@st.composite
def devices(draw: st.DrawFn) -> Device:
    """Any machine: levels slower the farther they are, sizes as they come."""
    rates = sorted((draw(RATE) for _ in range(4)), reverse=True)
    caches = tuple(
        Cache(level, draw(st.integers(1, 10**8)), draw(st.integers(1, 4)))  # type: ignore[arg-type]
        for level in draw(st.sampled_from([(), ("L1",), ("L1", "L2"), ("L1", "L2", "L3")]))
    )
    rows = zip(("L1", "L2", "L3", "memory"), rates, strict=True)
    bandwidths = tuple(Bandwidth(level, 1, rate) for level, rate in rows)  # type: ignore[arg-type]
    peaks = (Peak("fp32", 1, draw(RATE)),)
    return Device("any", "data sheet", 4, "", caches, peaks, bandwidths)


@given(WORK, devices(), st.integers(1, 4), st.floats(1.0, 100.0), st.integers(0, 4))
def test_a_faster_machine_never_has_a_higher_bound(
    work: list[Work], device: Device, threads: int, factor: float, which: int
) -> None:
    if which == 4:
        peaks = tuple(with_rows(row, macs_per_s=row.macs_per_s * factor) for row in device.peaks)
        faster = with_rows(device, peaks=peaks)
    else:
        rows = list(device.bandwidths)
        rows[which] = with_rows(rows[which], read_bytes_per_s=rows[which].read_bytes_per_s * factor)
        faster = with_rows(device, bandwidths=tuple(rows))
    for slow, fast in zip(
        bounds(work, device, threads), bounds(work, faster, threads), strict=True
    ):
        assert fast.arithmetic_s <= slow.arithmetic_s
        assert fast.memory_s <= slow.memory_s * (1 + 1e-12)
        assert fast.seconds <= slow.seconds * (1 + 1e-12)


@given(WORK, devices(), st.integers(1, 4), st.integers(1, 10**8))
def test_larger_caches_never_raise_a_bound(
    work: list[Work], device: Device, threads: int, more: int
) -> None:
    caches = tuple(with_rows(cache, bytes=cache.bytes + more) for cache in device.caches)
    larger = with_rows(device, caches=caches)
    for small, large in zip(
        bounds(work, device, threads), bounds(work, larger, threads), strict=True
    ):
        assert large.memory_s <= small.memory_s * (1 + 1e-9) + 1e-12


@given(WORK, devices(), st.integers(1, 4))
def test_a_bound_is_no_more_than_its_parts_and_no_less_than_either(
    work: list[Work], device: Device, threads: int
) -> None:
    slowest = min(row.read_bytes_per_s for row in device.bandwidths)
    fastest = max(row.read_bytes_per_s for row in device.bandwidths) * threads
    for step, bound in zip(work, bounds(work, device, threads), strict=True):
        assert max(bound.arithmetic_s, bound.memory_s) == bound.seconds
        assert bound.seconds <= bound.arithmetic_s + bound.memory_s
        moved = step.activation_bytes + step.weight_bytes
        assert moved / fastest <= bound.memory_s * (1 + 1e-9)
        assert bound.memory_s <= moved / slowest * (1 + 1e-9)


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**8), max_size=4))
def test_a_set_of_bytes_fills_the_nearest_level_first(size: int, capacities: list[int]) -> None:
    parts = spread(size, (*capacities, None))
    assert sum(parts) == size
    for index, (part, capacity) in enumerate(zip(parts, capacities, strict=False)):
        assert 0 <= part <= capacity
        assert part == capacity or not any(parts[index + 1 :])


@given(devices(), SIZES, SIZES, st.integers(1, 4))
def test_more_bytes_never_take_less_time(device: Device, some: int, more: int, n: int) -> None:
    assert transfer_s(device, n, some) <= transfer_s(device, n, some + more) * (1 + 1e-12)
