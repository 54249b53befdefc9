"""Which schedule a block gets, decided by running it: each possible one, in turns, best of several.

The default is the model in `lower.blocks`, which costs nothing. Measuring is asked for, and
what it found is kept in the cache under the block's shapes, the CPU and the threads.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lithe.engine.build import build, native_of
from lithe.engine.cache import Cache
from lithe.engine.isa import InstructionSet
from lithe.engine.loaded import load_program
from lithe.engine.lower.blocks import (
    Block,
    block_at,
    fuse_as,
    fuse_with,
    possible_schedules,
)
from lithe.engine.lower.context import Lowering
from lithe.engine.lower.lower import Grouper, lower
from lithe.engine.network import CompiledNetwork
from lithe.graph import Graph
from lithe.graph.model import Model

_ROUNDS = 12  # turns of every schedule
_SHORTEST_S = 0.0005  # a turn repeats a block for about this long
# A change to a schedule needs a new number: what was measured before says nothing about it.
_GENERATION = 1


@dataclass(frozen=True, slots=True)
class Measured:
    """The schedule that was fastest, and the seconds of each."""

    schedule: str
    seconds: dict[str, float]

    @property
    def reason(self) -> str:
        """The times, fastest first."""
        times = sorted(self.seconds.items(), key=lambda item: item[1])
        return "measured " + ", ".join(f"{name} {1e6 * s:.0f} us" for name, s in times)


def measuring(isa: InstructionSet, threads: int, cache: Cache) -> Grouper:
    """A grouper that gives every block the schedule that is fastest here and now."""
    known: dict[str, Measured] = {}

    def fuse(ctx: Lowering, index: int) -> int:
        block = block_at(ctx, index)
        if block is None:
            return 0
        key = _key(ctx, block, isa, threads)
        if key not in known:
            known[key] = _recalled(cache, key) or _measure(ctx, block, isa, threads, cache)
            text = "\n".join(f"{name} {s!r}" for name, s in known[key].seconds.items())
            cache.put(key, text.encode())
        return fuse_as(ctx, block, known[key].schedule, known[key].reason)

    return fuse


def _key(ctx: Lowering, block: Block, isa: InstructionSet, threads: int) -> str:
    shapes = ctx.model.graph.shapes
    parts = [f"{shapes[part.source]} {part.node.op} {bool(part.residual)}" for part in block.parts]
    return f"schedule {_GENERATION} {isa.name} {threads} {_cpu()} {'; '.join(parts)}"


def _cpu() -> str:
    """The processor's own name of itself and its second-level cache, where Linux tells them."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return "unknown"
    told = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    return " ".join(
        told.get(key, "") for key in ("model name", "cpu family", "model", "cache size")
    )


def _recalled(cache: Cache, key: str) -> Measured | None:
    data = cache.get(key)
    if data is None:
        return None
    seconds = {name: float(s) for name, s in (line.split() for line in data.decode().split("\n"))}
    return _fastest(seconds)


def _fastest(seconds: dict[str, float]) -> Measured:
    return Measured(min(seconds, key=lambda name: seconds[name]), seconds)


def _measure(
    ctx: Lowering, block: Block, isa: InstructionSet, threads: int, cache: Cache
) -> Measured:
    model = _alone(ctx.model, block)
    native = native_of(isa, cache)
    rng = np.random.default_rng(0)
    shapes = [model.graph.shapes[name] for name in model.graph.inputs]
    inputs = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    runs: dict[str, Callable[[], object]] = {}
    for schedule in possible_schedules(block):
        program = lower(model, isa, threads, (fuse_with(schedule),))
        network = CompiledNetwork(
            load_program(program, build(program, isa, cache)), native, threads
        )
        runs[schedule] = _bound(network, inputs)
    return _fastest(_best_times(runs))


def _bound(network: CompiledNetwork, inputs: list[np.ndarray]) -> Callable[[], object]:
    return lambda: network(*inputs)


def _best_times(runs: dict[str, Callable[[], object]]) -> dict[str, float]:
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(_ROUNDS):
        for name, run in runs.items():
            run()  # what the turn before left in the caches is not its own
            begun, count = time.perf_counter(), 0
            while time.perf_counter() - begun < _SHORTEST_S:
                run()
                count += 1
            best[name] = min(best[name], (time.perf_counter() - begun) / count)
    return best


def _alone(model: Model, block: Block) -> Model:
    """The block as a model of its own: its input, its residual, its last tensor."""
    graph = model.graph
    nodes = tuple(part.node for part in block.parts)
    made = {node.output for node in nodes}
    inputs = tuple(dict.fromkeys(n for node in nodes for n in node.inputs if n not in made))
    shapes = {name: graph.shapes[name] for name in (*inputs, *made)}
    constants = [name for node in nodes for name in node.constants]
    values = {name: model.values[name] for name in constants}
    weights = {name: array.shape for name, array in values.items()}
    return Model(Graph(inputs, (nodes[-1].output,), nodes, shapes, weights), values)
