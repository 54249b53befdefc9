"""One command for the papers' tables; the figures themselves are in tests/golden."""

import pytest

from lithe.errors import LitheError
from lithe.profiling.references import reference_cost
from lithe.profiling.reproduce import TABLES, reproduce


def test_the_tables_of_both_papers_are_there() -> None:
    assert [key for key in TABLES if key.startswith("v1")] == [f"v1:{n}" for n in range(1, 10)]
    assert [key for key in TABLES if key.startswith("v2")] == [
        "v2:2",
        "v2:3",
        "v2:4",
        "v2:released",
    ]


def test_tables_come_in_the_papers_order_and_once() -> None:
    assert [table.key for table in reproduce(["v2:2", "v1:4", "v2:2"])] == ["v1:4", "v2:2"]


def test_an_unknown_table_is_refused_with_the_known_ones() -> None:
    with pytest.raises(LitheError, match="no table v1:10 here; choose from v1:1, v1:2"):
        reproduce(["v1:10"])


def test_a_reference_network_is_counted_whole() -> None:
    assert reference_cost("vgg16", 224).unknown == ()
