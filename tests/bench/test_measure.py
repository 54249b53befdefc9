"""Cells in, rows out, with real processes; networks small enough to be quick."""

import subprocess
import sys
from pathlib import Path

import pytest

from lithe.bench.cells import Cell
from lithe.bench.compile_time import compile_times
from lithe.bench.cores import physical_cores, pinned_to
from lithe.bench.engines import ENGINES, Engine, chosen
from lithe.bench.measure import measure, measure_cell
from lithe.bench.memory import memory_of
from lithe.bench.prepare import Prepared, prepare
from lithe.bench.rounds import Effort
from lithe.bench.rows import Results, conditions, read_results, write_results
from lithe.errors import LitheError
from lithe.progress import SILENT

CELL = Cell("shallow_mobilenet", 32, 2, 1)
ENGINES_HERE = ("lithe", "onnxruntime", "torch")
EFFORT = Effort(rounds=3, burst_s=0.002, fewest=2)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("cell")
    return prepare(CELL.network, CELL.resolution, CELL.batch, ["model.onnx"], folder)


@pytest.fixture
def odd_engines(monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Engines of tests/bench/engines.py, known to the table while a test lasts."""
    root = Path(__file__).parent.parent.parent
    monkeypatch.setenv("PYTHONPATH", f"{root}:{root / 'src'}")
    names = ("right", "wrong", "refuses", "dies", "dies_later")
    for name in names:
        monkeypatch.setitem(ENGINES, name, Engine(f"tests.bench.engines:{name}", "numpy"))
    return names


def test_rivals_are_verified_and_timed_in_turns(prepared: Prepared, tmp_path: Path) -> None:
    rows = measure_cell(CELL, ENGINES_HERE, prepared, EFFORT, SILENT)
    assert tuple(row.engine for row in rows) == ENGINES_HERE
    for row in rows:
        assert (row.status, row.reason) == ("measured", "")
        assert row.cell == CELL
        assert 0 < row.p20_s <= row.p50_s <= row.p80_s
        assert row.rounds == 3
        assert row.runs >= row.rounds
        assert row.macs == prepared.macs
        assert row.share_of_peak == pytest.approx(row.macs / row.p50_s / row.peak_macs_per_s)
        assert row.share_of_peak > 0
        assert 0 < row.max_rel_error < 1e-5
        assert row.version
        assert row.cpu
        assert row.date
        assert row.cores == pinned_to(1)
    results = Results(conditions(), rows=rows)
    write_results(tmp_path / "rows.json", results)
    assert read_results(tmp_path / "rows.json") == results


def test_what_goes_wrong_is_a_row_with_the_reason(
    prepared: Prepared, odd_engines: tuple[str, ...]
) -> None:
    rows = {row.engine: row for row in measure_cell(CELL, odd_engines, prepared, EFFORT, SILENT)}
    assert tuple(rows) == odd_engines
    assert rows["right"].status == "measured"
    assert {row.status for name, row in rows.items() if name != "right"} == {"failed"}
    assert all(row.p50_s == 0 for name, row in rows.items() if name != "right")
    assert "away from float64" in rows["wrong"].reason
    assert rows["refuses"].reason == "ValueError: operator Foo is not known"
    assert rows["dies"].reason == "ended with code 139 after: segmentation fault, say"
    assert rows["dies_later"].reason.startswith("ended with code 3")


def test_a_rival_that_is_not_there_is_a_named_gap(
    prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ENGINES, "tvm", Engine("nowhere:load", "no-such-distribution"))
    monkeypatch.setitem(ENGINES, "odd", Engine("nowhere:load", "numpy", ("model.odd",)))
    failing = Prepared(prepared.folder, prepared.macs, {"model.odd": "model.odd cannot be written"})
    tvm, odd = measure_cell(CELL, ("tvm", "odd"), failing, EFFORT, SILENT)
    assert (tvm.status, odd.status) == ("missing", "failed")
    assert tvm.reason == "no-such-distribution is not installed; pip install 'lithe[bench]'"
    assert odd.reason == "model.odd cannot be written"


def test_a_network_that_cannot_be_built_says_so() -> None:
    cell = Cell("torchvision:no_such_net", 32, 1, 1)
    with pytest.raises(LitheError, match="no_such_net"):
        next(measure((cell,), ("torch",), EFFORT, SILENT))


def test_more_threads_than_cores_are_refused_at_once() -> None:
    cells = (CELL, Cell("shallow_mobilenet", 32, 1, len(physical_cores()) + 1))
    with pytest.raises(LitheError, match="threads need as many cores"):
        next(measure(cells, ("torch",), EFFORT, SILENT))


def test_memory_is_that_of_the_engine_alone() -> None:
    cell = Cell("shallow_mobilenet", 32, 1, 1)
    ours, onnxruntime, torch = memory_of(cell, ("lithe", "onnxruntime", "torch"), SILENT)
    rows = (ours, onnxruntime, torch)
    assert [row.torch_imported for row in rows] == [False, False, True], ours.reason
    assert 0 < ours.extra_rss_bytes < torch.extra_rss_bytes
    assert 1e6 < onnxruntime.extra_rss_bytes < torch.extra_rss_bytes
    assert all(row.extra_rss_bytes <= row.extra_peak_rss_bytes for row in rows)
    assert 1e6 < ours.bare_rss_bytes < 100e6


def test_compile_time_without_and_with_a_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lithe.bench.compile_time.REPEATS", 1)
    (row,) = compile_times((Cell("shallow_mobilenet", 32, 1, 1),), SILENT)
    assert (row.status, row.reason, row.runs) == ("measured", "", 1)
    assert row.cold_s > 0
    assert row.cached_s > 0


def test_rivals_by_name() -> None:
    assert chosen("all") == tuple(ENGINES)
    assert chosen("torch, onnxruntime,torch") == ("lithe", "torch", "onnxruntime")
    with pytest.raises(LitheError, match="unknown engine 'tflite'"):
        chosen("torch,tflite")


def test_the_parent_needs_neither_torch_nor_a_rival() -> None:
    code = (
        "import sys, lithe.bench.measure, lithe.bench.memory, lithe.bench.compile_time; "
        "print(sorted({'torch', 'onnxruntime', 'openvino', 'llvmlite'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
