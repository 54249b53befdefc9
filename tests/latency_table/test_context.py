"""Times are told apart by what generated the code."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import lithe
from lithe.engine import build
from lithe.engine.isa import AVX2, NEON
from lithe.latency_table import context
from lithe.latency_table.context import code_digest, context_of, generator_digest


@pytest.fixture(autouse=True)
def _no_memory() -> Iterator[None]:
    forget()
    yield
    forget()


def forget() -> None:
    code_digest.cache_clear()
    generator_digest.cache_clear()


def test_a_context_names_the_machine_and_what_runs() -> None:
    here = context_of(AVX2, 3)
    assert (here.isa, here.threads) == ("avx2", 3)
    assert here.cpu
    assert context_of(NEON, 3).code == here.code


def test_all_sources_are_there() -> None:
    root = Path(lithe.__file__).parent
    for name in context._SOURCES:
        assert (root / name).exists(), name


def test_a_changed_kernel_or_compiler_is_another_code(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "engine" / "kernels"
    folder.mkdir(parents=True)
    monkeypatch.setattr(context, "files", lambda package: tmp_path)
    seen = {code_digest()}

    def other() -> bool:
        forget()
        before = len(seen)
        seen.add(code_digest())
        return len(seen) > before

    (folder / "conv.py").write_text("TILE = 4\n")
    assert other()
    (folder / "conv.py").write_text("TILE = 5\n")
    assert other()
    (folder / "notes.txt").write_text("not code")
    assert not other()
    (folder / "conv.py").rename(folder / "pool.py")
    assert other()
    monkeypatch.setattr(build, "_RECIPE", 2)
    assert other()
    assert not other()
