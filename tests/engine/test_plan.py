from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lithe.engine.plan import ALIGNMENT, live_ranges, plan_arena
from lithe.engine.program import Arena, Input, Output, Program, Step, written
from lithe.errors import LitheError

BUFFERS = st.lists(
    st.tuples(st.integers(0, 10_000), st.integers(0, 20), st.integers(0, 8)), max_size=25
)


@given(BUFFERS)
def test_buffers_that_live_at_the_same_time_never_overlap(
    drawn: list[tuple[int, int, int]],
) -> None:
    sizes = {str(i): size for i, (size, _, _) in enumerate(drawn)}
    ranges = {str(i): (first, first + more) for i, (_, first, more) in enumerate(drawn)}
    plan = plan_arena(sizes, ranges)
    assert plan.offsets.keys() == sizes.keys()
    for name, offset in plan.offsets.items():
        assert offset % ALIGNMENT == 0
        assert offset >= 0
        assert offset + sizes[name] <= plan.total_bytes
    for a, b in combinations(sizes, 2):
        if ranges[a][0] <= ranges[b][1] and ranges[b][0] <= ranges[a][1]:
            first, second = sorted((a, b), key=lambda name: plan.offsets[name])
            assert plan.offsets[first] + sizes[first] <= plan.offsets[second]


@given(BUFFERS)
def test_the_arena_is_no_larger_than_all_buffers_and_no_smaller_than_those_alive(
    drawn: list[tuple[int, int, int]],
) -> None:
    sizes = {str(i): (size + 1) * 64 for i, (size, _, _) in enumerate(drawn)}
    ranges = {str(i): (first, first + more) for i, (_, first, more) in enumerate(drawn)}
    total = plan_arena(sizes, ranges).total_bytes
    alive = [
        sum(size for name, size in sizes.items() if ranges[name][0] <= step <= ranges[name][1])
        for step in range(30)
    ]
    assert max(alive) <= total <= sum(sizes.values())


def test_a_chain_needs_its_two_largest_neighbours() -> None:
    sizes = {"a": 640, "b": 6400, "c": 1280, "d": 3200, "e": 64}
    ranges = {name: (i, i + 1) for i, name in enumerate(sizes)}
    assert plan_arena(sizes, ranges).total_bytes == 6400 + 1280


def test_a_buffer_lives_from_the_first_step_that_names_it_to_the_last() -> None:
    kernel = written("k", "")
    steps = (
        Step(kernel, (Input(0), Arena("a")), 1),
        Step(kernel, (Arena("a"), Arena("b", 4)), 1),
        Step(kernel, (Arena("a", 16), Output(0)), 1),
    )
    program = Program(steps, {"a": 256, "b": 64}, {}, ((4,),), ((4,),))
    assert live_ranges(program) == {"a": (0, 2), "b": (1, 1)}


def test_a_buffer_that_no_step_names_is_refused() -> None:
    with pytest.raises(LitheError, match="'b'"):
        live_ranges(Program((), {"b": 64}, {}, (), ()))
