"""One block of a network followed through the engine: what each stage made of it, as values.

Only for readers; nothing of this is needed to run a network. No weight is looked at, so a
table without trained weights will do.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from lithe.arch import Architecture
from lithe.engine.assembly import Loop, inner_loops, ir_loop
from lithe.engine.batch import with_batch
from lithe.engine.build import build, native_of
from lithe.engine.cache import Cache
from lithe.engine.isa import InstructionSet
from lithe.engine.llvm import assembly
from lithe.engine.loaded import load_program
from lithe.engine.lower import lower
from lithe.engine.network import CompiledNetwork
from lithe.engine.peak import fma_loop
from lithe.engine.plan import Plan, Range, live_ranges, plan_program
from lithe.engine.program import Kernel, Program, Step
from lithe.errors import LitheError
from lithe.graph import Node
from lithe.graph.from_arch import from_arch
from lithe.graph.model import Model, zero_model
from lithe.graph.ops import Shape
from lithe.graph.passes import DEFAULT_PASSES, simplify

_ROUNDS = 30  # runs of which the fastest counts


@dataclass(frozen=True, slots=True)
class OneBlock:
    """A block's nodes as `captured` and `simplified`, and the steps that do its work.

    `passes` are (name, nodes of the whole network after it). `steps` are numbers of steps
    of the `program`; a step may do work of a neighbour too.
    """

    path: str
    isa: InstructionSet
    captured: tuple[Node, ...]
    simplified: tuple[Node, ...]
    shapes: Mapping[str, Shape]
    passes: tuple[tuple[str, int], ...]
    program: Program
    plan: Plan
    live: Mapping[str, Range]
    steps: tuple[int, ...]

    @property
    def kernels(self) -> tuple[Kernel, ...]:
        """The kernels of the block's steps, each once."""
        return tuple(dict.fromkeys(self.program.steps[index].kernel for index in self.steps))

    def reason(self, step: Step) -> str:
        """Why the step is as it is; nothing where there was no choice."""
        start = f"{step.label}: "
        notes = (note for note in self.program.notes if note.startswith(start))
        return next(notes, "").removeprefix(start)


@dataclass(frozen=True, slots=True)
class StepTime:
    """The fewest seconds of a step and the share of the multiply-add peak that it ran at."""

    step: Step
    seconds: float
    share: float


def without_weights(arch: Architecture) -> Model:
    """The model of a table with zeros for weights: shapes are all that code depends on."""
    return zero_model(from_arch(arch))


def one_block(model: Model, path: str, isa: InstructionSet, threads: int = 1) -> OneBlock:
    """Follow the modules under `path`, for one sample.

    Raises:
        LitheError: no module of that path, or an operator that the engine does not have.
    """
    captured = _under(model.graph.nodes, path)
    if not captured:
        tops = dict.fromkeys(_block_of(node.path) for node in model.graph.nodes if node.path)
        raise LitheError(f"no block {path!r} in this network; there are {', '.join(tops)}")
    passes = []
    current = with_batch(model, 1)
    for each in DEFAULT_PASSES:
        current = simplify(current, (each,))
        passes.append((each.__name__, len(current.graph.nodes)))
    program = lower(current, isa, threads)
    nodes = current.graph.nodes
    indices = [i for i, node in enumerate(nodes) if _is_under(node.path, path)]
    return OneBlock(
        path,
        isa,
        captured,
        tuple(nodes[i] for i in indices),
        {**model.graph.shapes, **current.graph.shapes},
        tuple(passes),
        program,
        plan_program(program),
        live_ranges(program),
        _steps_of(program, nodes, indices),
    )


def loops_of(kernel: Kernel, isa: InstructionSet) -> list[Loop]:
    """The innermost loops of a kernel that multiply and add, as machine instructions."""
    loops = inner_loops(assembly(kernel.ir, isa, comments=True))
    return [loop for loop in loops if loop.multiply_adds]


def loop_of(block: OneBlock, function: str = "") -> tuple[Kernel, Loop]:
    """The first loop of multiply-adds in a function, or of all, and the kernel that has it.

    Raises:
        LitheError: no such function, or no such loop in it; names those that have one.
    """
    known = [(kernel, loop) for kernel in block.kernels for loop in loops_of(kernel, block.isa)]
    for kernel, loop in known:
        if function in ("", loop.function):
            return kernel, loop
    names = ", ".join(dict.fromkeys(loop.function for _, loop in known)) or "none"
    raise LitheError(
        f"no function {function!r} with a loop of multiply-adds in {block.path}; there are: {names}"
    )


def ir_of(kernel: Kernel, function: str) -> tuple[str, ...]:
    """The same loop of a function as it was written, in LLVM's language.

    Raises:
        LitheError: the kernel has no such function, or no such loop in it.
    """
    lines = ir_loop(kernel.ir, function)
    if not lines:
        raise LitheError(f"{kernel.name} has no loop of multiply-adds in a function {function!r}")
    return lines


def measure(block: OneBlock, threads: int, cache: Cache) -> tuple[tuple[StepTime, ...], float]:
    """Time of each step of the block, in the whole network, and the peak in MAC/s beside it.

    Raises:
        LitheError: code for this instruction set does not run here.
    """
    loop = fma_loop(threads, block.isa.name)
    program = block.program
    loaded = load_program(program, build(program, block.isa, cache))
    network = CompiledNetwork(loaded, native_of(block.isa, cache), threads)
    inputs = [np.ones(shape, np.float32) for shape in network.input_shapes]
    times, peaks = [], []
    for _ in range(_ROUNDS):
        times.append(network.step_times(*inputs))
        begun = perf_counter()
        loop.run()
        peaks.append(loop.macs / (perf_counter() - begun))
    seconds, peak = np.min(times, axis=0), max(peaks)
    return tuple(
        StepTime(program.steps[i], float(seconds[i]), program.steps[i].macs / seconds[i] / peak)
        for i in block.steps
    ), peak


def _steps_of(program: Program, nodes: tuple[Node, ...], wanted: list[int]) -> tuple[int, ...]:
    """The steps that end at or behind a wanted node and begin before it or there."""
    last = {node.path: index for index, node in enumerate(nodes)}
    steps, begin = [], 0
    for number, step in enumerate(program.steps):
        end = last.get(step.label)
        if end is None:  # a copy, which belongs to no node
            continue
        if any(begin <= index <= end for index in wanted):
            steps.append(number)
        begin = max(begin, end + 1)
    return tuple(steps)


def _under(nodes: tuple[Node, ...], path: str) -> tuple[Node, ...]:
    return tuple(node for node in nodes if _is_under(node.path, path))


def _is_under(path: str, top: str) -> bool:
    return path == top or path.startswith(f"{top}.")


def _block_of(path: str) -> str:
    parts = path.split(".")
    numbers = [index for index, part in enumerate(parts) if part.isdigit()]
    return ".".join(parts[: numbers[-1] + 1]) if numbers else parts[0]
