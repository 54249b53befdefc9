import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.arch.tables import tables

from lithe.arch import Architecture, Conv, DepthwiseSeparable, InvertedResidual, architecture
from lithe.engine.isa import INSTRUCTION_SETS
from lithe.engine.program import Step
from lithe.engine.programs import programs_of
from lithe.errors import LitheError
from lithe.graph import from_arch, zero_model
from lithe.graph.passes import simplify
from lithe.latency_table.chain import chain
from lithe.latency_table.plan import Planner

ISAS = tuple(INSTRUCTION_SETS.values())
# Shared by all examples, so that what one has left behind is what the next one finds.
PLANNERS = {(isa, threads): Planner(isa, threads) for isa in ISAS for threads in (1, 2, 5)}


def whole(arch: Architecture, planner: Planner) -> tuple[Step, ...]:
    """The steps of the network, lowered as a whole."""
    model = simplify(zero_model(from_arch(arch)))
    return programs_of(model, planner.isa, planner.threads, packs=False).whole.steps


def check(arch: Architecture, planner: Planner) -> None:
    steps = whole(arch, planner)
    (planned,) = planner.steps([arch])
    assert [(step.kernel, step.units) for step in planned] == [
        (step.kernel.name, step.units) for step in steps
    ]
    for step, lowered in zip(planned, steps, strict=True):
        assert step.features == Planner(planner.isa, planner.threads).planned(lowered).features


@given(tables(), st.sampled_from(tuple(PLANNERS.values())))
@settings(max_examples=60, deadline=None)
def test_a_plan_is_what_lowering_the_whole_network_gives(
    arch: Architecture, planner: Planner
) -> None:
    check(arch, planner)


@pytest.mark.parametrize("family", ["mobilenet_v1", "mobilenet_v2", "shallow_mobilenet"])
@pytest.mark.parametrize("resolution", [32, 224])
def test_the_papers_tables_are_chains(family: str, resolution: int) -> None:
    arch = architecture(family, resolution=resolution)
    assert chain(arch) is not None
    check(arch, PLANNERS[ISAS[0], 2])


@pytest.mark.parametrize(
    "rows",
    [
        (InvertedResidual(t=1, c=3), Conv(k=1, c=16)),
        (Conv(k=3, c=8), InvertedResidual(t=2, c=8, n=3, shortcut="expansion")),
        (Conv(k=3, c=8), InvertedResidual(t=2, c=8, n=2, linear=False)),
        (DepthwiseSeparable(c=16),),
    ],
)
def test_what_is_no_chain_is_lowered_as_a_whole(rows: tuple[Conv, ...]) -> None:
    arch = Architecture(name="odd", rows=rows, resolution=16, num_classes=3)
    assert chain(arch) is None
    check(arch, PLANNERS[ISAS[0], 1])


def test_one_pixel_is_not_pooled() -> None:
    rows = (Conv(k=3, s=8, c=8), InvertedResidual(t=2, c=8, n=2, squeeze=4))
    arch = Architecture(name="tiny", rows=rows, resolution=8, num_classes=3, min_last_map=1)
    check(arch, PLANNERS[ISAS[0], 1])


def test_a_table_that_cannot_be_unrolled_is_refused() -> None:
    with pytest.raises(LitheError, match="width"):
        Planner(ISAS[0], 1).steps([architecture("mobilenet_v2", width=0.01)])


def test_planning_writes_no_ir() -> None:
    for step in whole(architecture("mobilenet_v2"), PLANNERS[ISAS[0], 1]):
        assert "ir" not in vars(step.kernel)
        assert f"@{step.kernel.name}(" in step.kernel.ir
