"""`lithe bench` as a user runs it."""

from pathlib import Path

from tests.command import finished

from lithe.bench.rows import read_results


def test_a_table_on_stdout_and_rows_in_a_file(tmp_path: Path) -> None:
    out = tmp_path / "rows.json"
    code, text, err = finished(
        "bench", "shallow_mobilenet", "--resolution", "32", "--threads", "1", "--rounds", "3",
        "--against", "torch,onnxruntime", "--out", out,
    )  # fmt: skip
    assert code == 0, err
    assert "shallow_mobilenet, 32 pixels, batch 1, 1 thread" in text
    assert max(map(len, text.splitlines())) <= 80
    rows = read_results(out).rows
    assert {row.engine for row in rows} == {"lithe", "torch", "onnxruntime"}
    assert {row.status for row in rows} == {"measured"}
    assert "Fastest fp32 rival over lithe" in text


def test_mistakes_are_one_line() -> None:
    for arguments, says in (
        (("mobilnet_v2",), "did you mean"),
        (("mobilenet_v2", "--against", "tflite"), "unknown engine 'tflite'"),
        (("mobilenet_v2", "--memory", "--compile-time"), "exclude each other"),
        (("mobilenet_v2", "--threads", "4096"), "threads need as many cores"),
    ):
        code, text, err = finished("bench", *arguments)
        assert (code, text) == (2, "")
        assert says in err
        assert "Traceback" not in err
