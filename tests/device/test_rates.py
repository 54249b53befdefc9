"""What lies between the rows of one thread and of all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lithe.device import (
    Bandwidth,
    Cache,
    Device,
    Launch,
    Peak,
    balance_of,
    bandwidth_of,
    capacity_of,
    launch_of,
    peak_of,
)

FOUR = Device(
    name="four cores, a third level for each pair",
    kind="measured",
    cores=4,
    isa="avx2",
    caches=(Cache("L1", 32_000, 1), Cache("L2", 500_000, 1), Cache("L3", 8_000_000, 2)),
    peaks=(Peak("fp32", 1, 100.0), Peak("fp32", 4, 380.0), Peak("int8", 4, 1200.0)),
    bandwidths=(
        Bandwidth("L1", 1, 200.0),
        Bandwidth("L1", 4, 790.0),
        Bandwidth("L2", 4, 400.0),
        Bandwidth("L3", 1, 60.0),
        Bandwidth("L3", 4, 100.0),
        Bandwidth("memory", 4, 30.0),
    ),
    launches=(Launch("lithe", 1, 1e-7), Launch("lithe", 4, 1e-6), Launch("eager", 1, 1e-5)),
)


@pytest.mark.parametrize(
    ("threads", "macs_per_s"), [(1, 100.0), (2, 200.0), (3, 300.0), (4, 380.0), (9, 380.0)]
)
def test_peaks_scale_up_to_what_all_cores_do(threads: int, macs_per_s: float) -> None:
    assert peak_of(FOUR, "fp32", threads) == macs_per_s


def test_one_row_of_all_cores_is_shared_out_evenly() -> None:
    assert peak_of(FOUR, "int8", 1) == 300.0
    assert bandwidth_of(FOUR, "L2", 2) == 200.0  # private


def test_what_is_shared_may_go_to_one_core() -> None:
    assert bandwidth_of(FOUR, "memory", 1) == 30.0
    assert [bandwidth_of(FOUR, "L3", n) for n in (1, 2, 4)] == [60.0, 100.0, 100.0]


def test_a_row_that_is_not_there_is_not_known() -> None:
    assert peak_of(FOUR, "bf16", 1) is None
    assert balance_of(FOUR, "L1", 1, "bf16") is None
    assert bandwidth_of(Device("none", "data sheet", 1, "", (), (), ()), "memory", 1) is None
    assert launch_of(Device("none", "data sheet", 1, "", (), (), ()), "lithe", 1) is None


def test_more_cores_than_were_measured_do_as_much_each() -> None:
    single = Device("one row", "data sheet", 4, "", (), (Peak("fp32", 1, 10.0),), ())
    assert [peak_of(single, "fp32", n) for n in (1, 3, 4, 5)] == [10.0, 30.0, 40.0, 40.0]


def test_private_caches_add_up_and_shared_ones_are_counted_by_group() -> None:
    assert [capacity_of(FOUR, "L1", n) for n in (1, 4)] == [32_000, 128_000]
    assert [capacity_of(FOUR, "L3", n) for n in (1, 2, 4)] == [8_000_000, 16_000_000, 16_000_000]
    assert capacity_of(FOUR, "memory", 4) is None


def test_launches_are_of_the_nearest_number_of_threads_below() -> None:
    assert [launch_of(FOUR, "lithe", n) for n in (1, 3, 4, 8)] == [1e-7, 1e-7, 1e-6, 1e-6]
    assert launch_of(FOUR, "eager", 4) == 1e-5


def test_the_balance_is_peak_over_bandwidth() -> None:
    assert balance_of(FOUR, "L3", 4) == pytest.approx(3.8)


@given(
    rows=st.dictionaries(st.integers(1, 64), st.floats(1, 1e12), min_size=1, max_size=4),
    cores=st.integers(1, 64),
    threads=st.integers(1, 128),
    shared_by=st.integers(1, 64),
)
def test_a_bound_never_contradicts_a_row(
    rows: dict[int, float], cores: int, threads: int, shared_by: int
) -> None:
    device = Device(
        "drawn",
        "measured",
        cores,
        "",
        (Cache("L2", 1, shared_by),),
        (),
        tuple(Bandwidth("L2", n, speed) for n, speed in rows.items()),
    )
    found = bandwidth_of(device, "L2", threads)
    assert found is not None
    assert found > 0
    if threads in rows:
        above = [speed for n, speed in rows.items() if n >= threads]
        below = [speed * threads / n for n, speed in rows.items() if n <= threads]
        assert min(above + below) <= found <= rows[threads]
    assert found <= max(speed * max(1, threads / n) for n, speed in rows.items()) * (1 + 1e-12)
