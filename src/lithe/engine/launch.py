"""What a step costs that does next to nothing: a call, and where threads share it a barrier."""

from lithe.engine.build import build, native_of
from lithe.engine.cache import Cache
from lithe.engine.ir import module
from lithe.engine.isa import InstructionSet
from lithe.engine.loaded import load_program
from lithe.engine.loops import LINE_BYTES, Bytes, Loop, loop_function, settings
from lithe.engine.program import Input, Program, Step, written
from lithe.engine.runner import Runner

STEPS = 1000  # so that beginning and ending the whole program vanishes


def launch_loop(isa: InstructionSet, threads: int, cache: Cache) -> Loop:
    """A program of 1000 such steps, a unit for each thread; its work is counted in steps.

    Raises:
        LitheError: this system does not let a process make memory executable.
    """
    program = empty_program(isa, threads)
    runner = Runner(
        load_program(program, build(program, isa, cache)), native_of(isa, cache), threads
    )
    line: Bytes = settings(0).view("uint8")

    def run(trips: int) -> None:
        for _ in range(trips):
            runner.once([line.ctypes.data])

    return Loop(run, STEPS, 1, (line,), line)


def empty_program(isa: InstructionSet, threads: int) -> Program:
    """1000 steps of a kernel that returns at once."""
    name = f"nothing__{isa.name}"
    kernel = written(name, module(isa, [loop_function(isa, name).text]))
    step = Step(kernel, (Input(0),), threads, name)
    return Program((step,) * STEPS, {}, {}, ((LINE_BYTES // 4,),), ())
