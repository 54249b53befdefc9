"""The design space: which points there are, their parameters, and the networks they mean."""

import random
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.nets.model_file.files import card_of
from torch.utils.flop_counter import FlopCounterMode

from lithe.arch import Architecture, architecture, unroll
from lithe.arch.named import named
from lithe.cost import cost
from lithe.errors import LitheError
from lithe.graph import from_arch
from lithe.graph.capture import capture
from lithe.nets.build import build
from lithe.nets.model_data import read_card
from lithe.nets.model_file import load, save
from lithe.search.families import Family, StageChoices
from lithe.search.point import Point
from lithe.search.space import (
    CONSTRAINTS,
    FAMILIES,
    WIDTHS,
    DesignSpace,
    Maps,
    design_space,
    distance,
    kernel_fits_its_maps,
    random_tables,
    space,
    table_of,
)

SPACE = design_space(typical_side=32)
points = st.integers(0, 2**32).map(lambda seed: SPACE.random_point(random.Random(seed)))
FIXED = StageChoices((1,), k=(3,), squeeze=(False,), act=("relu6",))
TINY = DesignSpace(
    resolutions=(8, 32),
    families=(
        Family("mobilenet_v2", (*6 * (FIXED,), StageChoices((1, 2), (2, 6), squeeze=(True,)))),
        Family("shallow_mobilenet", (*7 * (FIXED,), StageChoices((1,))), ("relu6",)),
    ),
    widths=(0.5, 1.0),
)  # fmt: skip


def tables(draw_from: st.SearchStrategy[Point] = points) -> st.SearchStrategy[Architecture]:
    """Networks of points, of 10 classes, at widths that all of them can have."""
    return st.builds(
        table_of, draw_from, st.sampled_from([0.1, 0.25, 0.5]), st.just(10), st.just(3)
    )


def every_point(of: DesignSpace) -> set[Point]:
    """All combinations, each built and its maps looked at block by block."""
    result = set()
    names = list(of.choices())
    for values in product(*of.choices().values()):
        given = dict(zip(names, values, strict=True))
        point = of.point_of({**given})
        if all(of.parameters(point)[name] == given[name] for name in of.parameters(point)):
            result.add(point)
    return result


def test_it_is_large_enough_for_a_search() -> None:
    for side in (8, 32, 500):
        assert design_space(side).size() >= 10**9


def test_its_size_is_the_number_of_its_networks() -> None:
    found = every_point(TINY)
    assert TINY.size() == len(found) * len(TINY.widths)
    assert all(TINY.allowed(point) for point in found)
    tables = {
        table_of(point, width, 10, 3).label: (point, width)
        for point in found
        for width in TINY.widths
    }
    assert len(tables) == TINY.size(), "no label stands for two networks"


@pytest.mark.parametrize("typical_side", [8, 64, 500])
def test_the_papers_tables_are_points(typical_side: int) -> None:
    of = design_space(typical_side)
    for grid in space(typical_side, num_classes=7, in_channels=1):
        point = of.base_point(grid.name, grid.resolution)
        assert table_of(point, grid.width, 7, 1) == grid
        assert of.allowed(point)
        assert of.point_of(of.parameters(point)) == point


@given(points)
def test_parameters_hold_a_point(point: Point) -> None:
    parameters = SPACE.parameters(point)
    choices = SPACE.choices()
    assert all(parameters[name] in choices[name] for name in parameters)
    assert parameters.keys() == {
        name
        for name in choices
        if name in ("family", "resolution") or name.startswith(f"{point.family}.")
    }
    assert SPACE.point_of(parameters) == point
    assert SPACE.allowed(point)


@given(st.data())
@settings(max_examples=25)
def test_any_parameters_stand_for_a_point_that_is_allowed(data: st.DataObject) -> None:
    choices = SPACE.choices()
    asked = {name: data.draw(st.sampled_from(values)) for name, values in choices.items()}
    point = SPACE.point_of(asked)
    assert SPACE.allowed(point)
    assert SPACE.point_of(SPACE.parameters(point)) == point
    got = SPACE.parameters(point)
    for name in got:
        if not name.endswith(".k"):
            assert got[name] == asked[name], "only kernels are made to fit"
        else:
            assert int(got[name]) <= int(asked[name])


def test_what_is_no_parameter_of_the_space() -> None:
    parameters = SPACE.parameters(SPACE.base_point("mobilenet_v2", 32))
    with pytest.raises(LitheError, match=r"mobilenet_v2.3.k=9 is none of its values, \(3, 5, 7\)"):
        SPACE.point_of({**parameters, "mobilenet_v2.3.k": 9})
    del parameters["mobilenet_v2.7.n"]
    with pytest.raises(LitheError, match=r"mobilenet_v2.7.n=None"):
        SPACE.point_of(parameters)


def test_constraints_are_functions_and_more_can_be_given() -> None:
    def shallow(choice: Any, maps: Maps) -> bool:
        return bool(choice.n == 1)

    of = DesignSpace((32,), constraints=(*CONSTRAINTS, shallow))
    assert of.size() < DesignSpace((32,)).size()
    for seed in range(20):
        assert all(stage.n == 1 for stage in of.random_point(random.Random(seed)).stages)
    with pytest.raises(LitheError, match="no choice for stage 1 meets the constraints"):
        DesignSpace((32,), constraints=(lambda choice, maps: False,)).size()


@given(tables())
def test_no_kernel_is_wider_than_its_map(arch: Architecture) -> None:
    for block in unroll(arch):
        assert block.row.k <= max(3, block.h_in)


def test_a_kernel_that_fits_the_first_block_only() -> None:
    choice = SPACE.base_point("mobilenet_v2", 32).stages[2]
    five = type(choice)(n=1, t=6, k=5)
    assert kernel_fits_its_maps(five, Maps(8, 4))
    assert not kernel_fits_its_maps(type(choice)(n=2, t=6, k=5), Maps(8, 4))


@given(points, points)
def test_the_distance_is_the_share_of_choices_that_differ(a: Point, b: Point) -> None:
    mine, other = SPACE.parameters(a), SPACE.parameters(b)
    assert distance(a, a) == 0
    assert distance(a, b) == distance(b, a)
    if a.family != b.family:
        assert distance(a, b) == 1
        return
    differing = sum(mine[name] != other[name] for name in mine)
    assert distance(a, b) == pytest.approx(differing / (2 + 5 * len(a.stages)))


@given(tables())
def test_a_label_is_read_back(arch: Architecture) -> None:
    assert architecture(arch.name, width=arch.width, resolution=arch.resolution) == named(
        arch.label
    )
    assert named(arch.label).rows == arch.rows


def test_widths_too_narrow_for_a_row_are_refused() -> None:
    with pytest.raises(LitheError, match="no channel at all"):
        table_of(SPACE.base_point("mobilenet_v2", 32), min(WIDTHS))
    assert tuple(family.name for family in SPACE.families) == FAMILIES


@given(tables())
@settings(max_examples=3, deadline=None)
def test_counts_and_graph_are_those_of_the_built_network(arch: Architecture) -> None:
    graph = from_arch(arch)
    with torch.device("meta"):
        network = build(arch).eval()
        with FlopCounterMode(display=False) as counter:
            network(torch.empty(1, 3, arch.resolution, arch.resolution))
    assert graph == capture(network, (1, 3, arch.resolution, arch.resolution))
    counted = cost(graph)
    assert counted.macs * 2 == counter.get_total_flops()
    assert counted.params == sum(parameter.numel() for parameter in network.parameters())


@given(tables())
@settings(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_model_file_holds_a_point(tmp_path: Path, arch: Architecture) -> None:
    network = build(arch).eval()
    save(tmp_path / "m.safetensors", network, card_of(arch))
    assert read_card(tmp_path / "m.safetensors").arch == arch
    x = torch.randn(1, 3, arch.resolution, arch.resolution)
    with torch.no_grad():
        assert torch.equal(load(tmp_path / "m.safetensors")(x), network(x))


def test_random_tables_are_different_suit_and_come_again() -> None:
    found = random_tables(32, 20, 7, lambda table: table.width < 1)
    assert len(set(found)) == 20
    assert all(table.width < 1 and table.num_classes == 10 for table in found)
    assert found == random_tables(32, 20, 7, lambda table: table.width < 1)
    assert found != random_tables(32, 20, 8, lambda table: table.width < 1)
