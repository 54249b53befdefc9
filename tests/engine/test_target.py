import platform
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lithe.engine import target
from lithe.engine.isa import AVX2, AVX512, BASELINE, INSTRUCTION_SETS, NEON, InstructionSet
from lithe.errors import LitheError

V3 = "avx2 fma f16c bmi1 bmi2 movbe abm"
V4 = f"{V3} avx512f avx512cd avx512bw avx512dq avx512vl"


Machine = Callable[[str, str], None]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Machine]:
    """Pretend to be a machine with these flags."""

    def pretend(name: str, flags: str) -> None:
        cpuinfo = tmp_path / "cpuinfo"
        cpuinfo.write_text(f"processor\t: 0\nflags\t\t: {flags}\nbugs\t\t:\n")
        monkeypatch.setattr(target, "_CPUINFO", cpuinfo)
        monkeypatch.setattr(platform, "machine", lambda: name)
        target.runnable.cache_clear()

    yield pretend
    target.runnable.cache_clear()


@pytest.mark.parametrize(
    ("name", "flags", "expected"),
    [
        ("x86_64", V4, [AVX512, AVX2, BASELINE]),
        ("x86_64", V3, [AVX2, BASELINE]),
        ("x86_64", V4.replace("avx512vl", ""), [AVX2, BASELINE]),
        ("x86_64", V3.replace("fma", ""), [BASELINE]),
        ("aarch64", "fp asimd", [NEON]),
        ("riscv64", "", []),
    ],
)
def test_the_processor_says_what_runs(
    machine: Machine, name: str, flags: str, expected: list[InstructionSet]
) -> None:
    machine(name, flags)
    assert list(target.runnable()) == expected
    if expected:
        assert target.instruction_set() is expected[0]
    else:
        with pytest.raises(LitheError, match="riscv64"):
            target.instruction_set()


def test_a_target_that_does_not_run_here_is_refused(machine: Machine) -> None:
    machine("x86_64", V3)
    assert target.instruction_set("baseline") is BASELINE
    with pytest.raises(LitheError, match="cannot run avx512 code; it runs avx2, baseline"):
        target.instruction_set("avx512")
    with pytest.raises(LitheError, match="no target 'sse9'; there are avx512"):
        target.instruction_set("sse9")


def test_this_machine_runs_something() -> None:
    assert target.runnable()
    assert set(target.runnable()) <= set(INSTRUCTION_SETS.values())
