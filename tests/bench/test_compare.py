"""Who is the fastest rival, and by how much."""

import pytest
from tests.bench.sample import missing, row

from lithe.bench.cells import Cell
from lithe.bench.compare import by_cell, duel, duels, geometric_mean

ONE, TWO = Cell("mobilenet_v2", 224, 1, 1), Cell("mobilenet_v2", 224, 1, 2)


def test_the_fastest_rival_computes_in_fp32() -> None:
    found = duel(
        (
            row(ONE, "lithe", 3.0),
            row(ONE, "openvino-auto", 2.0, "bf16"),
            row(ONE, "onnxruntime", 4.5),
            row(ONE, "torch", 12.0),
            missing(ONE, "xnnpack", "not installed"),
        )
    )
    assert found is not None
    assert found.rival.engine == "onnxruntime"
    assert found.ratio == pytest.approx(1.5)
    # Where the CPU has no bf16, its own choice is fp32 too, and counts.
    found = duel((row(ONE, "lithe", 3.0), row(ONE, "openvino-auto", 2.4)))
    assert found is not None
    assert found.ratio == pytest.approx(0.8)


def test_no_duel_without_both_sides() -> None:
    assert duel((row(ONE, "lithe", 3.0), missing(ONE, "openvino", "gone"))) is None
    assert duel((row(ONE, "openvino", 3.0), missing(ONE, "lithe", "gone"))) is None
    assert duel((row(ONE, "lithe", 3.0), row(ONE, "openvino-auto", 2.0, "bf16"))) is None


def test_the_worst_cell_comes_first() -> None:
    engines = ("lithe", "torch")
    rows = [row(ONE, name, ms) for name, ms in zip(engines, (3.0, 9.0), strict=True)]
    rows += [row(TWO, name, ms) for name, ms in zip(engines, (2.0, 4.0), strict=True)]
    assert list(by_cell(rows)) == [ONE, TWO]
    assert [each.cell for each in duels(rows)] == [TWO, ONE]
    assert [each.ratio for each in duels(rows)] == pytest.approx([2.0, 3.0])


def test_geometric_mean() -> None:
    assert geometric_mean([2.0, 2.0, 2.0]) == 2.0
    assert abs(geometric_mean([1.0, 4.0]) - 2.0) < 1e-12
