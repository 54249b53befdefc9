import pytest
from hypothesis import given, settings
from tests.arch.tables import tables

from lithe.arch import (
    Architecture,
    Conv,
    DepthwiseSeparable,
    FusedInvertedResidual,
    InvertedResidual,
    architecture,
)
from lithe.arch.rows import Row
from lithe.cost import cost, table_cost
from lithe.errors import LitheError
from lithe.graph import from_arch


def check(arch: Architecture) -> None:
    counted, known = cost(from_arch(arch)), table_cost(arch)
    assert (known.macs, known.params, known.peak_activation_bytes) == (
        counted.macs,
        counted.params,
        counted.peak_activation_bytes,
    )


@given(tables())
@settings(max_examples=60, deadline=None)
def test_a_table_costs_what_its_graph_costs(arch: Architecture) -> None:
    check(arch)


@pytest.mark.parametrize("family", ["mobilenet_v1", "mobilenet_v2", "conv_mobilenet"])
def test_so_do_the_papers_tables(family: str) -> None:
    check(architecture(family))


@pytest.mark.parametrize(
    "rows",
    [
        (FusedInvertedResidual(t=1, c=8, n=2), FusedInvertedResidual(t=4, c=8, n=3)),
        (InvertedResidual(t=1, c=3), DepthwiseSeparable(c=3)),
        (InvertedResidual(t=3, c=8, n=3, shortcut="expansion"),),
        (InvertedResidual(t=2, c=8, n=3, shortcut="none", linear=False),),
        (Conv(k=3, s=8, c=8), InvertedResidual(t=2, c=8, n=2, squeeze=4)),
        (Conv(k=1, c=500),),
    ],
)
def test_so_do_tables_of_other_rows(rows: tuple[Row, ...]) -> None:
    check(Architecture("odd", rows, resolution=16, num_classes=7, min_last_map=2))


def test_a_table_that_cannot_be_unrolled_is_refused() -> None:
    with pytest.raises(LitheError, match="smallest width"):
        table_cost(architecture("mobilenet_v2", width=0.01))
