"""The instructions that multiply and add, as rows: one for each data type and processor.

A row says what a loop needs to keep them busy (`lithe.engine.peak`). Where a processor has
several for one type, which is the fastest is measured.
"""

import platform
from dataclasses import dataclass, replace

from lithe.device import DType
from lithe.engine.isa import AVX2, AVX512, BASELINE, NEON, InstructionSet
from lithe.engine.target import processor_flags


@dataclass(frozen=True, slots=True)
class MultiplyAdd:
    """One instruction that multiplies numbers of a type and adds the products to sums.

    `instruction` is its name in assembly; a processor without fused multiply-adds needs two.
    `function` is LLVM's name, called with a vector of `sums` and two of `factors`; a call
    does `macs` multiply-accumulates. `isa` is what the code is compiled for, its flags what
    the processor has to report.
    """

    dtype: DType
    instruction: str
    isa: InstructionSet
    function: str
    sums: str
    factors: str
    macs: int

    @property
    def dot(self) -> bool:
        """Whether a sum gets the products of several pairs at once."""
        return self.sums != self.factors or self.dtype == "int8"


def rows_here() -> tuple[MultiplyAdd, ...]:
    """The rows that this machine runs, the fastest instruction set of each type only.

    Several of one type are left where an instruction set has several.
    """
    machine, flags = platform.machine(), processor_flags()
    able = [
        row
        for row in MULTIPLY_ADDS
        if row.isa.triple.split("-")[0] == machine and flags.issuperset(row.isa.flags)
    ]
    best = {row.dtype: row.isa.name for row in reversed(able)}
    return tuple(row for row in able if row.isa.name == best[row.dtype])


def _with(isa: InstructionSet, feature: str, flag: str) -> InstructionSet:
    """An instruction set and one extension: LLVM's name of it, and Linux's."""
    return replace(isa, features=f"{isa.features},+{feature}", flags=(*isa.flags, flag))


_AVX512_FP16 = _with(AVX512, "avx512fp16", "avx512_fp16")
_AVX512_BF16 = _with(AVX512, "avx512bf16", "avx512_bf16")
_AVX512_VNNI = _with(AVX512, "avx512vnni", "avx512_vnni")
_AVX_VNNI = _with(AVX2, "avxvnni", "avx_vnni")
_NEON_FP16 = _with(NEON, "fullfp16", "asimdhp")
_NEON_BF16 = _with(NEON, "bf16", "bf16")
_NEON_DOT = _with(NEON, "dotprod", "asimddp")
_NEON_I8MM = _with(NEON, "i8mm", "i8mm")

_FMA = "llvm.fmuladd"
_DPBUSD = "llvm.x86.avx512.vpdpbusd"  # unsigned times signed; bytes in fours as i32
_DPBF16 = "llvm.x86.avx512bf16.dpbf16ps.512"
_ARM = "llvm.aarch64.neon"
_BFDOT = f"{_ARM}.bfdot.v4f32.v8bf16"
_SDOT, _SMMLA = f"{_ARM}.sdot.v4i32.v16i8", f"{_ARM}.smmla.v4i32.v16i8"


def _fma(dtype: DType, instruction: str, isa: InstructionSet, lanes: int) -> MultiplyAdd:
    """A row of a plain multiply-add: every lane has a sum of its own."""
    name, bits = {"fp64": ("double", 64), "fp32": ("float", 32), "fp16": ("half", 16)}[dtype]
    vector = f"<{lanes} x {name}>"
    return MultiplyAdd(dtype, instruction, isa, f"{_FMA}.v{lanes}f{bits}", vector, vector, lanes)


# Of one type, the instruction set to be preferred first.
MULTIPLY_ADDS = (
    _fma("fp64", "vfmadd231pd", AVX512, 8),
    _fma("fp64", "vfmadd231pd", AVX2, 4),
    _fma("fp64", "mulpd + addpd", BASELINE, 2),
    _fma("fp64", "fmla", NEON, 2),
    _fma("fp32", "vfmadd231ps", AVX512, 16),
    _fma("fp32", "vfmadd231ps", AVX2, 8),
    _fma("fp32", "mulps + addps", BASELINE, 4),
    _fma("fp32", "fmla", NEON, 4),
    _fma("fp16", "vfmadd231ph", _AVX512_FP16, 32),
    _fma("fp16", "fmla", _NEON_FP16, 8),
    MultiplyAdd("bf16", "vdpbf16ps", _AVX512_BF16, _DPBF16, "<16 x float>", "<32 x bfloat>", 32),
    MultiplyAdd("bf16", "bfmmla", _NEON_BF16, f"{_ARM}.bfmmla", "<4 x float>", "<8 x bfloat>", 16),
    MultiplyAdd("bf16", "bfdot", _NEON_BF16, _BFDOT, "<4 x float>", "<8 x bfloat>", 8),
    MultiplyAdd("int8", "vpdpbusd", _AVX512_VNNI, f"{_DPBUSD}.512", "<16 x i32>", "<16 x i32>", 64),
    MultiplyAdd("int8", "vpdpbusd", _AVX_VNNI, f"{_DPBUSD}.256", "<8 x i32>", "<8 x i32>", 32),
    MultiplyAdd("int8", "smmla", _NEON_I8MM, _SMMLA, "<4 x i32>", "<16 x i8>", 32),
    MultiplyAdd("int8", "sdot", _NEON_DOT, _SDOT, "<4 x i32>", "<16 x i8>", 16),
)
