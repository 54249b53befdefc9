"""What the terminal says of rows."""

from tests.bench.sample import compiled, memory, missing, row

from lithe.bench.cells import Cell
from lithe.bench.text import cell_text, compile_text, memory_text
from lithe.report.terminal import render

CELL = Cell("mobilenet_v2", 224, 1, 2)


def test_a_cell_fastest_first_in_80_columns() -> None:
    rows = (
        row(CELL, "lithe", 2.5),
        missing(CELL, "xnnpack", "executorch is not installed"),
        row(CELL, "openvino", 4.0),
        row(CELL, "openvino-auto", 2.0, "bf16"),
        row(CELL, "torch-channels-last", 1234.0),
    )
    text = render(cell_text(rows), width=80, plain=True)
    assert (
        text
        == """\
mobilenet_v2, 224 pixels, batch 1, 2 threads
200 M MACs; FMA peak 200 GMAC/s; cores 0, 1

Engine                Median ms  20th..80th  GMAC/s  of peak  / lithe  Error
────────────────────────────────────────────────────────────────────────────
openvino-auto (bf16)       2.00  1.80..2.40   100.0      50%    0.80x  2e-07
lithe                      2.50  2.25..3.00    80.0      40%    1.00x  2e-07
openvino                   4.00  3.60..4.80    50.0      25%    1.60x  2e-07
torch-channels-last        1234  1111..1481     0.2       0%     494x  2e-07

Fastest fp32 rival over lithe: 1.60 (openvino)

xnnpack: missing: executorch is not installed
"""
    )


def test_without_ours_the_fastest_is_the_measure() -> None:
    rows = (missing(CELL, "lithe", "gone"), row(CELL, "torch", 9.0), row(CELL, "openvino", 3.0))
    text = render(cell_text(rows), width=80, plain=True)
    assert "/ best" in text
    assert "3.00x" in text
    assert "lithe: missing: gone" in text
    assert "Fastest" not in text


def test_nothing_measured() -> None:
    text = render(cell_text((missing(CELL, "lithe", "gone"),)), width=80, plain=True)
    assert text == f"{CELL.label}\n\nlithe: missing: gone\n"


def test_memory_least_first() -> None:
    rows = (memory("onnxruntime", 77_000_000), memory("torch", 250_000_000), memory("lithe", 2**24))
    lines = render(memory_text(rows), width=80, plain=True).splitlines()
    assert "bare is 30 MB" in lines[1]
    assert [line.split()[0] for line in lines[-3:]] == ["lithe", "onnxruntime", "torch"]
    assert lines[-1].endswith("with torch")
    assert "16.8 MB" in lines[-3]


def test_compile_time() -> None:
    lines = render(compile_text((compiled(2.5, 0.0875),)), width=80, plain=True).splitlines()
    assert lines[-1].split() == ["mobilenet_v2", "2.5", "s", "87.5", "ms"]
