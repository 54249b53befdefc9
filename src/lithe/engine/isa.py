"""Instruction sets as rows: what a kernel has to know of the machine it is emitted for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InstructionSet:
    """One target of the generator.

    `lanes` is the float32 elements of a vector register and `registers` how many there are;
    `lithe.engine.tiles` works out what fits into them. `fused` says that a multiply-add is
    one instruction. `cpu` and `features` are LLVM's names; `flags` are Linux's names of what
    the processor has to report.
    """

    name: str
    triple: str
    cpu: str
    features: str
    lanes: int
    registers: int
    fused: bool = True
    flags: tuple[str, ...] = ()


_V3_FLAGS = ("avx2", "fma", "f16c", "bmi1", "bmi2", "movbe", "abm")

AVX512 = InstructionSet(
    name="avx512",
    triple="x86_64-unknown-linux-gnu",
    cpu="x86-64-v4",
    features="+avx512f,+avx512vl,+avx512bw,+avx512dq,+fma,-prefer-256-bit",
    lanes=16,
    registers=32,
    flags=(*_V3_FLAGS, "avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"),
)
AVX2 = InstructionSet(
    name="avx2",
    triple="x86_64-unknown-linux-gnu",
    cpu="x86-64-v3",
    features="+avx2,+fma",
    lanes=8,
    registers=16,
    flags=_V3_FLAGS,
)
# x86-64 without AVX: no fused multiply-add, so LLVM multiplies and adds.
BASELINE = InstructionSet(
    name="baseline",
    triple="x86_64-unknown-linux-gnu",
    cpu="x86-64",
    features="",
    lanes=4,
    registers=16,
    fused=False,
)
NEON = InstructionSet(
    name="neon",
    triple="aarch64-unknown-linux-gnu",
    cpu="generic",
    features="+neon",
    lanes=4,
    registers=32,
)

# Of one machine, the best first.
INSTRUCTION_SETS = {isa.name: isa for isa in (AVX512, AVX2, BASELINE, NEON)}
