"""A network in lithe's engine, ready to be measured step by step."""

from collections.abc import Sequence

import numpy as np

from lithe.cost import Layer
from lithe.engine.cache import Cache
from lithe.engine.compile import compile_model
from lithe.engine.network import CompiledNetwork
from lithe.engine.target import instruction_set
from lithe.graph import Graph
from lithe.graph.model import Array, Model
from lithe.profiling.attribution import layers_of_steps, moved_bytes_of_steps
from lithe.profiling.rounds import StepWork, Way

SEED = 0


def compiled(simplified: Model, threads: int | None) -> CompiledNetwork:
    """A simplified model, compiled for this processor; what was compiled is cached.

    Raises:
        LitheError: operators that the engine does not have, each named, or a processor that
            it has no code for.
    """
    return compile_model(simplified, instruction_set(), threads, Cache(None))


def engine_way(
    network: CompiledNetwork, graph: Graph, layers: Sequence[Layer], simplified: Graph
) -> Way:
    """How to run a compiled network, and the layers of `graph` that each step works for.

    Where a batch is computed in pieces one piece is timed by all threads, and the times, MACs
    and bytes of a step are those of all pieces.
    """
    inputs = drawn(network.input_shapes)
    steps = network.schedule.steps
    batch = network.input_shapes[0][0] if network.input_shapes[0] else 1
    pieces = max(batch // network.piece, 1)
    named = layers_of_steps(graph, layers, simplified, steps)
    moved = moved_bytes_of_steps(simplified, steps)

    def timed() -> Sequence[float]:
        return [pieces * seconds for seconds in network.step_times(*inputs)]

    return Way(
        "lithe",
        network.threads,
        lambda: network(*inputs),
        timed,
        tuple(
            StepWork(step.label, step.kernel, indices, pieces * step.macs, bytes_)
            for step, indices, bytes_ in zip(steps, named, moved, strict=True)
        ),
    )


def drawn(shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    """Inputs of these shapes with normal random numbers, the same at every call."""
    random = np.random.default_rng(SEED)
    return [random.standard_normal(shape, np.float32) for shape in shapes]
