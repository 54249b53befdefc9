"""A loop that measures a machine: one kernel, run by all threads at once, as often as it takes.

It runs as a network does, as a program of one step of which each thread does one unit, so
nothing but the loop is between the two readings of the clock: no thread is started, and the
interpreter is not needed.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lithe.engine.build import build, native_of
from lithe.engine.cache import Cache
from lithe.engine.ir import Function, Value
from lithe.engine.isa import INSTRUCTION_SETS, InstructionSet
from lithe.engine.loaded import load_program
from lithe.engine.program import Input, Kernel, Output, Place, Program, Step
from lithe.engine.runner import Runner

# What one call is sized to: long beside waking threads, and short enough that on a busy machine
# some calls find a moment without interruption.
CALL_S = 0.001
LINE_BYTES = 64
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop ready to run: `run(trips)` goes round so often in each thread.

    A trip does `work` (MACs or bytes) in all threads together, and `trips` of them take
    about 1 ms. `inputs` is the memory that it reads; a line of `output` for each thread is
    written at the end.
    """

    run: Callable[[int], None]
    work: float
    trips: int
    inputs: tuple[Bytes, ...]
    output: Bytes

    def seconds(self) -> float:
        """The time of one call, with threads awake and caches filled by one trip before."""
        self.run(1)
        started = time.perf_counter()
        self.run(self.trips)
        return time.perf_counter() - started

    def rate(self) -> float:
        """Work per second of one call."""
        return self.work * self.trips / self.seconds()


def loop_program(kernel: Kernel, input_bytes: Sequence[int], threads: int) -> Program:
    """One step of a unit for each thread, which has a line of 64 bytes of the output.

    Input 0 is a line, too: the count of trips, then the bytes of each thread's part.
    """
    shapes = tuple((size // 4,) for size in (LINE_BYTES, *input_bytes))
    args: tuple[Place, ...] = (*map(Input, range(len(shapes))), Output(0))
    step = Step(kernel, args, threads, kernel.name)
    return Program((step,), {}, {}, shapes, ((threads * LINE_BYTES // 4,),))


def settings(trips: int, part_bytes: int = 0) -> NDArray[np.int64]:
    """Input 0 of such a program."""
    return np.array([trips, part_bytes, *[0] * (LINE_BYTES // 8 - 2)], np.int64)


def prepared(
    kernel: Kernel,
    isa: InstructionSet,
    inputs: tuple[Bytes, ...],
    threads: int,
    cache: Cache,
    *,
    work: float,
    part_bytes: int = 0,
    call_s: float = CALL_S,
) -> Loop:
    """The loop with its code in memory, sized to `call_s`.

    Raises:
        LitheError: this system does not let a process make memory executable.
    """
    program = loop_program(kernel, [each.nbytes for each in inputs], threads)
    loaded = load_program(program, build(program, isa, cache))
    # Threads need nothing of the extensions that the kernel may have been compiled with.
    runner = Runner(loaded, native_of(INSTRUCTION_SETS[isa.name], cache), threads)
    first = settings(0, part_bytes)
    output = np.zeros(threads * LINE_BYTES, np.uint8)
    places = [first.ctypes.data, *(each.ctypes.data for each in inputs), output.ctypes.data]

    def run(trips: int) -> None:
        first[0] = trips
        runner.once(places)

    return Loop(run, work, _trips(run, call_s), inputs, output)


def _trips(run: Callable[[int], None], call_s: float) -> int:
    """As many as take that long, at least one."""

    def seconds(trips: int) -> float:
        started = time.perf_counter()
        run(trips)
        return time.perf_counter() - started

    trips = 1
    run(trips)
    while True:
        # The shortest of three: a call that was interrupted must not end the search.
        elapsed = seconds(trips)
        if elapsed >= call_s:
            elapsed = min(elapsed, seconds(trips), seconds(trips))
        if elapsed >= call_s:
            return trips
        trips = trips * 2 if elapsed < call_s / 4 else int(trips * 1.1 * call_s / elapsed) + 1


def loop_function(isa: InstructionSet, name: str) -> Function:
    """A function with the parameters of a kernel, to be written."""
    params = [("ptr", "args"), ("i64", "begin"), ("i64", "end"), ("ptr", "scratch")]
    return Function(isa, name, params, linkage="")


def setting(f: Function, index: int) -> str:
    """A word of input 0: 0 is the count of trips, 1 the bytes of a thread's part."""
    where = f.at(f.argument("%args", 0), 2 * index)
    return f.let(f"load i64, ptr {where}, align 8")


def each_unit(f: Function, body: Callable[[Value], None]) -> None:
    """`body(unit)` for the units of this call: one, unless a thread does the work of all."""

    def unit(index: Value, _: list[str]) -> list[str]:
        body(index)
        return []

    f.loop("%begin", "%end", [], unit)
