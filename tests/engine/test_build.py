import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tests.engine.programs import multiply_add, square_chain

from lithe.engine.build import build, distinct_kernels, object_of
from lithe.engine.cache import Cache
from lithe.engine.isa import AVX2, BASELINE
from lithe.engine.program import Kernel
from lithe.errors import LitheError

LOAD = """
import sys
from pathlib import Path
import numpy as np
from lithe.engine.isa import AVX2
from tests.engine.programs import compiled, square_chain
network = compiled(square_chain(AVX2), Path(sys.argv[1]), threads=2)
network(np.zeros((1, 7, 21), np.float32))
print(sorted({"llvmlite", "torch"} & sys.modules.keys()))
"""


def loads(folder: Path) -> str:
    command = [sys.executable, "-c", LOAD, str(folder)]
    root = Path(__file__).parents[2]
    run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    return run.stdout.strip()


def test_a_cached_network_loads_without_llvm_and_without_torch(tmp_path: Path) -> None:
    assert loads(tmp_path) == "['llvmlite']"
    assert loads(tmp_path) == "[]"


def test_a_damaged_object_is_compiled_again(tmp_path: Path) -> None:
    loads(tmp_path)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            data = bytearray(path.read_bytes())
            data[200] ^= 1
            path.write_bytes(data)
    assert loads(tmp_path) == "['llvmlite']"
    assert loads(tmp_path) == "[]"


def test_without_a_cache_everything_is_compiled(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    assert "multiply_add_21" in build(square_chain(AVX2), AVX2, Cache(blocked)).address


def test_an_object_is_cached_for_its_instruction_set(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    kernel = multiply_add(BASELINE, 8)
    assert object_of(kernel.ir, BASELINE, cache) != object_of(kernel.ir, AVX2, cache)
    assert cache.size().entries == 2


def test_one_name_for_two_kernels_is_refused() -> None:
    kernel = multiply_add(AVX2, 8)
    assert distinct_kernels([kernel, kernel]) == [kernel]
    with pytest.raises(LitheError, match="multiply_add_8"):
        distinct_kernels([kernel, replace(kernel, scratch_bytes=1)])


def test_what_llvm_refuses_is_named(tmp_path: Path) -> None:
    with pytest.raises(LitheError, match="LLVM refuses"):
        object_of("define void @f() { ret i32 0 }", AVX2, Cache(tmp_path))


def test_what_is_written_from_the_same_work_is_the_same_kernel() -> None:
    def kernel(work: object) -> Kernel:
        return Kernel("k", work, str)

    # Not a number is not equal to itself, and yet it is the same description.
    same = [kernel((1, float("nan"))), kernel((1, float("nan")))]
    assert len(distinct_kernels(same)) == 1
    with pytest.raises(LitheError, match="two different kernels are called k"):
        distinct_kernels([kernel((1, 2)), kernel((1, 3))])


def test_ir_is_written_once_and_only_when_it_is_asked_for() -> None:
    asked: list[int] = []

    def write() -> str:
        asked.append(1)
        return "ir"

    kernel = Kernel("k", None, write)
    assert not asked
    assert kernel.ir == kernel.ir == "ir"
    assert len(asked) == 1
