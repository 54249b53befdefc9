"""The most multiply-accumulates that this CPU can do: a loop of nothing but multiply-adds.

The independent sums in registers are more than any CPU's latency times its units, so the
units never wait, and no memory is touched. What a network reaches of this, measured in the
same minutes, says how good its kernels are whatever the clock happens to be.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lithe.engine.cache import Cache
from lithe.engine.ir import Value, module
from lithe.engine.isa import InstructionSet
from lithe.engine.loops import (
    CALL_S,
    LINE_BYTES,
    Bytes,
    Loop,
    each_unit,
    loop_function,
    prepared,
    setting,
)
from lithe.engine.multiply_adds import MULTIPLY_ADDS, MultiplyAdd
from lithe.engine.program import Kernel, written
from lithe.engine.target import instruction_set

INSTRUCTIONS = 48  # of one trip, so that counting trips costs nothing
_FMA_CALL_S = 0.005  # of a loop that is timed from Python beside networks


@dataclass(frozen=True, slots=True)
class FmaLoop:
    """The loop in fp32, ready to run: `run()` does `macs` multiply-accumulates on all threads.

    It returns the sum of all sums of one lane, which is `accumulators` for each thread. `isa`
    is the instruction set that it was compiled for.
    """

    run: Callable[[], float]
    macs: int
    isa: InstructionSet
    accumulators: int


def fma_loop(threads: int = 1, target: str | None = None) -> FmaLoop:
    """Compile the loop for this CPU, or one of its targets, and size it to about 5 ms a call.

    Raises:
        LitheError: the engine has no instruction set for this machine, or not that one.
    """
    isa = instruction_set(target)
    row = next(row for row in MULTIPLY_ADDS if row.dtype == "fp32" and row.isa == isa)
    loop = peak_loop(row, threads, Cache(), _FMA_CALL_S)

    def run() -> float:
        loop.run(loop.trips)
        return sum(totals(row, loop))

    return FmaLoop(run, round(loop.work) * loop.trips, isa, accumulators(row))


def peak_loop(row: MultiplyAdd, threads: int, cache: Cache, call_s: float = CALL_S) -> Loop:
    """The loop of one instruction; its work is counted in multiply-accumulates."""
    work = float(threads * INSTRUCTIONS * row.macs)
    return prepared(
        peak_kernel(row), row.isa, (operands(row),), threads, cache, work=work, call_s=call_s
    )


def totals(row: MultiplyAdd, loop: Loop) -> list[float]:
    """What the first lane of all sums is together, of each thread, after a run."""
    lanes = loop.output.reshape(-1, LINE_BYTES).view(_STORED[_lane(row.sums)])
    return [float(lane) for lane in lanes[:, 0]]


def accumulators(row: MultiplyAdd) -> int:
    """Independent sums: what the registers hold beside two factors.

    Zen 5 and Golden Cove need latency 4 x 2 units = 8 for fp32, dot products of bf16 6 x 2.
    """
    return 24 if row.isa.registers >= 32 else 12


def operands(row: MultiplyAdd) -> Bytes:
    """x, y and the start of every sum, a line of 64 bytes each, at a fixed point.

    s + x * y is 1 + a product that rounding takes away; a dot product adds 1 and -1 by turns;
    s * x + y, without fused multiply-adds, is 1 * 0.5 + 0.5. No sum grows, overflows or goes
    denormal, and it can be seen afterwards that all of them were worked on.
    """
    x, y = 1.0, (1.0, -1.0)
    if not row.isa.fused:
        x, y = 0.5, (0.5, 0.5)
    elif not row.dot:
        x = {"fp64": 2.0**-30, "fp32": 2.0**-15, "fp16": 2.0**-7}[row.dtype]
        y = (x, x)
    factor = "i8" if row.dtype == "int8" else _lane(row.factors)
    lines = (_line(factor, x, x), _line(factor, *y), _line(_lane(row.sums), 1.0, 1.0))
    return np.concatenate(lines)


def peak_kernel(row: MultiplyAdd) -> Kernel:
    """The loop as a kernel whose arguments are trips, operands and output.

    A trip does 48 of the instruction, in turns to every sum: s + x * y, as a convolution does.
    Without fused multiply-adds it is s * x + y, because a product of the same two numbers
    would be taken out of the loop. The total of all sums goes to the output; without a reader
    the whole loop would be dead code.
    """
    name = f"peak_{row.dtype}_{row.function.rsplit('.', 2)[-2]}__{row.isa.name}"
    f = loop_function(row.isa, name)
    sums, factors, count = row.sums, row.factors, accumulators(row)
    trips = setting(f, 0)
    lines, out = f.argument("%args", 1), f.argument("%args", 2)
    x, y, start = (
        f.let(f"load {kind}, ptr {f.at(lines, 16 * line)}, align 4")
        for line, kind in enumerate((factors, factors, sums))
    )

    def trip(_: Value, carried: list[str]) -> list[str]:
        for index in range(INSTRUCTIONS):
            at = index % count
            args = [(sums, carried[at]), (factors, x), (factors, y)]
            if row.isa.fused and not row.dot:
                args = [*args[1:], args[0]]  # LLVM's multiply-add has the sum behind
            given = ", ".join(f"{kind} {value}" for kind, value in args)
            carried[at] = f.let(f"call {sums} @{row.function}({given})")
        return carried

    def unit(index: Value) -> None:
        total, *rest = f.loop(0, trips, [start] * count, trip, kind=sums)
        for each in rest:
            add = "add" if _lane(sums) == "i32" else "fadd"
            total = f.let(f"{add} {sums} {total}, {each}")
        f.do(f"store {sums} {total}, ptr {f.at(out, f.mul(index, 16))}, align 4")

    each_unit(f, unit)
    declared = (
        ""
        if row.function in module(row.isa, [])
        else (f"declare {sums} @{row.function}({sums}, {factors}, {factors})\n")
    )
    return written(name, module(row.isa, [declared, f.text]))


# LLVM's names of the elements, as NumPy keeps them; it has no bf16, whose bits are those below.
_STORED = {"double": "f8", "float": "f4", "half": "f2", "i32": "i4", "i8": "i1"}
_BF16 = {1.0: 0x3F80, -1.0: 0xBF80}


def _lane(vector: str) -> str:
    """The type of the elements of <16 x float>."""
    return vector.strip("<>").split()[-1]


def _line(lane: str, even: float, odd: float) -> Bytes:
    """64 bytes of two numbers by turns."""
    if lane == "bfloat":
        pair = np.array([_BF16[even], _BF16[odd]], np.uint16)
    else:
        pair = np.array([even, odd], _STORED[lane])
    return np.tile(pair, LINE_BYTES // pair.nbytes).view(np.uint8)
