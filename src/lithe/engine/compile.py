"""`lithe.compile`: from a model to something that is called like it, and is faster."""

from os import PathLike
from typing import Any

from lithe.engine.batch import mixes_samples, with_batch
from lithe.engine.build import build, native_of
from lithe.engine.cache import Cache
from lithe.engine.isa import InstructionSet
from lithe.engine.loaded import load_program
from lithe.engine.lower import lower
from lithe.engine.network import CompiledNetwork
from lithe.engine.runtime import give_back, usable_processors
from lithe.engine.source import model_from
from lithe.engine.target import instruction_set
from lithe.errors import LitheError
from lithe.graph.graph import Graph
from lithe.graph.model import Model
from lithe.graph.passes import simplify

# A thread gets at least so much to do: some 20 microseconds, a hundred times a barrier's.
MACS_PER_THREAD = 2_000_000


def compile(
    model: Any,
    example_input: Any = None,
    *,
    threads: int | None = None,
    target: str | None = None,
    cache: str | PathLike[str] | None = None,
) -> CompiledNetwork:
    """A network as machine code for this processor, in inference mode, in float32.

    `model` is a torch module, the path of a `model.safetensors` or of an ONNX file, or a
    `lithe.graph` model. `example_input` (n, c, h, w) is a tensor, an array, a shape, or a
    tuple of them where there are several inputs; a network of lithe's tells its own. The
    weights are copied: later changes to the module have no effect.

    `threads` is at most how many a call uses: as many as there are processors, but no more
    than have 2 million MACs each to do, unless given. `target` is an instruction set
    (`avx512`, `avx2`, `baseline`, `neon`), the best of this processor unless given. What was
    compiled is kept in the folder `cache`, the user's cache unless given.

    Raises:
        LitheError: an operator that the engine does not have, a model that cannot be
            captured, an example that it does not take, or a target that does not run here.
    """
    isa = instruction_set(target)
    if threads is not None and threads < 1:
        raise LitheError(f"threads={threads}; a network needs 1 or more")
    model = model_from(model, example_input)
    network = compile_model(simplify(model), isa, threads, Cache(cache))
    del model
    give_back()  # IR and weights as they were: ten megabytes for MobileNetV2
    return network


def compile_model(
    model: Model, isa: InstructionSet, threads: int | None, cache: Cache
) -> CompiledNetwork:
    """A simplified model as machine code. Where samples do not meet, for one at a time.

    Raises:
        LitheError: operators that the engine does not have, each named.
    """
    threads = threads or default_threads(model.graph, usable_processors())
    mixes = mixes_samples(model.graph)
    program = lower(model if mixes else with_batch(model, 1), isa, threads)
    loaded = load_program(program, build(program, isa, cache))
    return CompiledNetwork(loaded, native_of(isa, cache), threads, mixes_samples=mixes)


def default_threads(graph: Graph, processors: int) -> int:
    """Threads that a network can make use of."""
    macs = sum(node.op.macs(*(graph.shapes[name] for name in node.inputs)) for node in graph.nodes)
    return max(1, min(processors, macs // MACS_PER_THREAD))
