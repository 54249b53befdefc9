"""The most multiply-accumulates that this CPU can do: a loop of nothing but fp32 FMAs.

Twelve independent sums in registers are more than any CPU's FMA latency times its FMA units,
so the units never wait, and no memory is touched. What a network reaches of this, measured in
the same minutes, says how good its kernels are whatever the clock happens to be.
"""

import ctypes
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from lithe.engine.isa import InstructionSet
from lithe.engine.llvm import compile_ir
from lithe.engine.objects import Code
from lithe.engine.target import instruction_set

ACCUMULATORS = 12  # Zen 5, Golden Cove: latency 4 x 2 units = 8; AVX2 has 16 registers in all
REPEATS = 4  # FMAs of each sum in one trip, so that counting trips costs nothing
CALL_S = 0.005  # what one call is sized to; starting threads must vanish beside it


@dataclass(frozen=True, slots=True)
class FmaLoop:
    """The loop, ready to run: `run()` does `macs` multiply-accumulates on all its threads.

    It returns the sum of all sums of one lane, which is 12 for each thread. `isa` is the
    instruction set that it was compiled for.
    """

    run: Callable[[], float]
    macs: int
    isa: InstructionSet


def fma_loop(threads: int = 1, target: str | None = None) -> FmaLoop:
    """Compile the loop for this CPU, or one of its targets, and size it to about 5 ms a call.

    Raises:
        LitheError: the engine has no instruction set for this machine, or not that one.
    """
    isa = instruction_set(target)
    code = Code([compile_ir(loop_ir(isa), isa)])
    function = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)(
        code.address["fma_loop"]
    )
    # x, y and start, which is the fixed point 1 = 1 * x + y: no sum grows or goes denormal.
    values = (ctypes.c_float * 3)(0.5, 0.5, 1.0)

    def loop(trips: int) -> float:
        assert code.size  # the memory that `function` points into lives as long as this loop
        total = ctypes.c_float()
        function(trips, ctypes.addressof(values), ctypes.addressof(total))
        return total.value

    trips = 1024
    while (elapsed := _seconds(loop, trips)) < CALL_S:
        trips = trips * 2 if elapsed < CALL_S / 4 else int(trips * 1.1 * CALL_S / elapsed) + 1
    pool = ThreadPoolExecutor(threads - 1) if threads > 1 else None

    def run() -> float:
        # A ctypes call lets go of the interpreter's lock, so the threads really run at once.
        others = [pool.submit(loop, trips) for _ in range(threads - 1)] if pool else []
        return sum((other.result() for other in others), start=loop(trips))

    return FmaLoop(run, threads * trips * REPEATS * ACCUMULATORS * isa.lanes, isa)


def loop_ir(isa: InstructionSet) -> str:
    """The loop as LLVM IR: `void fma_loop(i64 trips, const float values[3], float *out)`.

    `values` are x, y and start. Every sum becomes sum * x + y, `REPEATS` times a trip; the
    total goes to `out`, because without a reader the whole loop would be dead code.
    """
    lanes = isa.lanes
    vector = f"<{lanes} x float>"
    fma = f"@llvm.fmuladd.v{lanes}f32"
    zeros = f"<{lanes} x i32> zeroinitializer"
    names = range(ACCUMULATORS)
    lines = [f'target triple = "{isa.triple}"']
    lines += [f"declare {vector} {fma}({vector}, {vector}, {vector})", ""]
    lines += ["define void @fma_loop(i64 %trips, ptr %values, ptr %out) {", "entry:"]
    for i, name in enumerate(("x", "y", "start")):
        lines += [
            f"  %{name}_at = getelementptr float, ptr %values, i64 {i}",
            f"  %{name}_1 = load float, ptr %{name}_at",
            f"  %{name}_0 = insertelement {vector} poison, float %{name}_1, i32 0",
            f"  %{name} = shufflevector {vector} %{name}_0, {vector} poison, {zeros}",
        ]
    lines += ["  br label %loop", "loop:"]
    lines += ["  %trip = phi i64 [ 0, %entry ], [ %next, %loop ]"]
    lines += [
        f"  %s{i}_0 = phi {vector} [ %start, %entry ], [ %s{i}_{REPEATS}, %loop ]" for i in names
    ]
    for repeat in range(REPEATS):
        lines += [
            f"  %s{i}_{repeat + 1} = call {vector} {fma}("
            f"{vector} %s{i}_{repeat}, {vector} %x, {vector} %y)"
            for i in names
        ]
    lines += [
        "  %next = add i64 %trip, 1",
        "  %more = icmp slt i64 %next, %trips",
        "  br i1 %more, label %loop, label %done",
        "done:",
    ]
    total = f"%s0_{REPEATS}"
    for i in names[1:]:
        lines.append(f"  %t{i} = fadd {vector} {total}, %s{i}_{REPEATS}")
        total = f"%t{i}"
    lines += [
        f"  %one = extractelement {vector} {total}, i32 0",
        "  store float %one, ptr %out",
        "  ret void",
        "}",
    ]
    return "\n".join(lines) + "\n"


def _seconds(loop: Callable[[int], object], trips: int) -> float:
    started = time.perf_counter()
    loop(trips)
    return time.perf_counter() - started
