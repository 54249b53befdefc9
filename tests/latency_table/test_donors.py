"""Donors: networks that can be built, the same each time, with many different steps."""

from itertools import islice

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.latency_table.sample import planned

from lithe.arch import InvertedResidual, unroll
from lithe.latency_table.donors import KERNELS, RESOLUTIONS, WIDTHS, donors


@given(seed=st.integers(0, 2**31))
@settings(max_examples=50)
def test_all_can_be_built_and_no_kernel_is_wider_than_its_map(seed: int) -> None:
    for arch in islice(donors(seed), 5):
        assert arch.width in WIDTHS
        assert arch.resolution in RESOLUTIONS
        for block in unroll(arch):
            assert block.row.k <= max(3, block.h_in)


def test_they_are_the_same_each_time_and_differ() -> None:
    first = list(islice(donors(0), 200))
    assert first == list(islice(donors(0), 200))
    assert first[:20] != list(islice(donors(1), 20))
    assert len(set(first)) == 200
    blocks = {row for arch in first for row in arch.rows if isinstance(row, InvertedResidual)}
    assert {row.k for row in blocks} == set(KERNELS)
    assert {row.t for row in blocks} == {1, 2, 3, 4, 6}
    assert len({row.squeeze for row in blocks}) == 2
    assert {arch.resolution for arch in first} == set(RESOLUTIONS)


def test_what_a_search_needs_can_be_asked_for() -> None:
    for arch in islice(donors(3, resolutions=(32,), num_classes=(7,), in_channels=1), 5):
        assert (arch.resolution, arch.num_classes, arch.in_channels) == (32, 7, 1)


def test_most_steps_of_donors_are_new() -> None:
    steps = [step for network in planned(list(islice(donors(0), 12))) for step in network]
    assert len({(step.kernel, step.units) for step in steps}) > 0.6 * len(steps)
