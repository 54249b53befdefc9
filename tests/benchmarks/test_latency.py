"""The README's speed tables and plot, from rows made up here."""

import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from benchmarks.latency import merged
from benchmarks.latency_plot import latency_svg
from benchmarks.latency_tables import MUST_CELLS, aims, latency
from tests.bench.sample import compiled, memory, missing, row

from lithe.bench.cells import Cell
from lithe.bench.rows import Results

ODD = Cell("shufflenet_v2_x1_0", 96, 8, 2)
CONDITIONS = {"cpu": "A CPU", "python": "3.11", "date": "2026-11-22"}


def _results() -> Results:
    rows = []
    for cell in MUST_CELLS:
        rows += [
            row(cell, "lithe", 2.5 / cell.threads),
            row(cell, "openvino", 3.125 / cell.threads),
            row(cell, "openvino-auto", 2.0 / cell.threads, "bf16"),
            missing(cell, "xnnpack", "executorch is not installed"),
        ]
    rows += [row(ODD, "lithe", 4.0), row(ODD, "onnxruntime", 3.0)]
    return Results(
        CONDITIONS,
        tuple(rows),
        (memory("onnxruntime", 80_000_000), memory("lithe", 20_000_000)),
        (compiled(2.0, 0.4),),
    )


def _values(results: Results) -> dict[str, Any]:
    values: dict[str, Any] = msgspec.to_builtins(results)
    return values


def test_aims_are_held_against_what_was_measured() -> None:
    found = {aim.what: aim for aim in aims(_results())}
    v2 = found["V2, 1 thread: fastest fp32 rival's median over ours"]
    assert v2.measured == pytest.approx(1.25)
    assert v2.held
    assert found["V2, 1 thread: share of the FMA peak"].measured == pytest.approx(0.8)
    assert found["V2, 1 thread: share of the FMA peak"].held
    assert not found["V1, 1 thread: share of the FMA peak"].held  # 80 % where 84 % are asked
    assert found["V1: 2 threads over 1"].measured == pytest.approx(2.0)
    worst = found["every other cell: the same ratio, the worst"]
    assert worst.measured == pytest.approx(0.75)
    assert not worst.held
    assert found["V2: extra resident memory over ONNX Runtime's"].measured == 0.25
    assert found["V2: peak activation bytes"].held
    assert found["V2: compile, cold"].held
    assert not found["V2: compile, from the cache"].held


def test_nothing_measured_is_nothing_held() -> None:
    assert not any(aim.held for aim in aims(Results(CONDITIONS)))
    assert "not measured" in latency(_values(Results(CONDITIONS)))


def test_the_text_names_the_mean_the_worst_cell_and_the_gaps() -> None:
    text = latency(_values(_results()))
    assert "| **lithe 1.0** | 2.50 (80%) | 1.25 (80%) | 2.50 (80%) | 1.25 (80%) |" in text
    assert "| openvino-auto 1.0, bf16 | 2.00 (100%)" in text
    mean = (1.25**4 * 0.75) ** (1 / 5)
    assert f"Over all 5 cells the fastest fp32 rival takes {mean:.2f} times as long" in text
    assert "lithe is faster in 4" in text
    worst = f"| {ODD.label} | 4.00 ms | onnxruntime 3.00 ms | 0.75 |"
    assert text.index(worst) < text.index("| 1.25 |", text.index(worst))
    assert text.count("xnnpack is missing: executorch is not installed") == 1
    assert text.endswith("xnnpack is missing: executorch is not installed.")
    assert "<!--" not in text


def test_a_cell_is_replaced_as_a_whole_and_stays_in_its_place() -> None:
    before = _results().rows
    new = (row(MUST_CELLS[1], "lithe", 9.0),)
    rows = merged(before, new)
    assert [r for r in rows if r.cell == MUST_CELLS[1]] == list(new)
    assert [r.cell for r in rows].index(MUST_CELLS[1]) == 4
    other = replace(ODD, batch=1)
    assert merged(before, (row(other, "lithe", 1.0),))[-1].cell == other


def test_the_plot_is_valid_and_its_bars_are_shares() -> None:
    svg = ElementTree.fromstring(latency_svg(_values(_results())))
    space = {"svg": "http://www.w3.org/2000/svg"}
    panels = svg.findall("svg:g", space)
    assert len(panels) == len(MUST_CELLS)
    for panel in panels:
        ours, rival = panel.findall("svg:rect", space)  # fp32 only
        assert (ours.get("class"), rival.get("class")) == ("ours", "rival")
        widths = [float(bar.get("width", 0)) for bar in (ours, rival)]
        assert widths[0] / widths[1] == pytest.approx(1.25, rel=0.01)
    assert ElementTree.fromstring(latency_svg(_values(Results(CONDITIONS)))) is not None
