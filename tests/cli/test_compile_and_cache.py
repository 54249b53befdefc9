"""`lithe compile` and `lithe cache`, as they are typed."""

from pathlib import Path

import pytest
from tests.command import finished
from tests.models import make_converted_file, make_model_file, make_network


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    return make_model_file(folder / "model.safetensors", make_network(["a", "b"]))


def test_compile_then_cache_then_clear(model: Path, tmp_path: Path) -> None:
    code, out, err = finished(
        "compile", model, "--threads", "2", "--target", "baseline", "--show", "--cache", tmp_path
    )
    assert code == 0, err
    assert "input 1 x 3 x 16 x 16, baseline, threads: 2" in out
    assert "classifier" in out
    assert "activations at the peak" in out
    code, out, _ = finished("cache", "--cache", tmp_path)
    assert code == 0
    assert f"{tmp_path}: " in out
    assert ": 0 entries" not in out
    assert "removed" in finished("cache", "--clear", "--cache", tmp_path)[1]
    assert ": 0 entries" in finished("cache", "--cache", tmp_path)[1]


def test_a_converted_network_compiles_from_its_file(tmp_path: Path) -> None:
    path = make_converted_file(tmp_path / "model.safetensors", ["a", "b"])
    code, out, err = finished("compile", path, "--cache", tmp_path / "cache")
    assert code == 0, err
    assert "input 1 x 3 x 32 x 32" in out


def test_what_cannot_be_compiled_is_one_line(model: Path, tmp_path: Path) -> None:
    for arguments, says in (
        ((tmp_path / "none.safetensors",), "there is no file"),
        ((model, "--target", "sse9"), "no target 'sse9'"),
        ((model, "--input", "big"), "is no shape"),
    ):
        code, _, err = finished("compile", *arguments)
        assert code == 2
        assert says in err
        assert "Traceback" not in err
