"""`lithe.compile`: from a model to something that is called like it, and is faster."""

from os import PathLike
from typing import TYPE_CHECKING, Any

from lithe.engine.batch import batch_of, mixes_samples, with_batch
from lithe.engine.build import build, native_of
from lithe.engine.cache import Cache
from lithe.engine.isa import InstructionSet
from lithe.engine.loaded import load_program
from lithe.engine.lower.blocks import fuse_block
from lithe.engine.lower.lower import GROUPERS, lower
from lithe.engine.network import CompiledNetwork
from lithe.engine.plan import plan_program
from lithe.engine.runtime import give_back, usable_processors
from lithe.engine.source import model_from, module_inputs
from lithe.engine.target import instruction_set
from lithe.engine.tune import measuring
from lithe.errors import LitheError
from lithe.graph.graph import Graph
from lithe.graph.model import Model
from lithe.graph.passes import simplify

if TYPE_CHECKING:
    from lithe.engine.partly import PartlyCompiled

# A thread gets at least so much to do: some 20 microseconds, a hundred times a barrier's.
MACS_PER_THREAD = 2_000_000
# Arenas of the samples that are computed at once.
PIECE_BYTES = 4_000_000


def compile(
    model: Any,
    example_input: Any = None,
    *,
    threads: int | None = None,
    target: str | None = None,
    tune: bool = False,
    cache: str | PathLike[str] | None = None,
    fallback: bool = False,
) -> "CompiledNetwork | PartlyCompiled":
    """A network as machine code for this processor, in inference mode, in float32.

    `model` is a torch module, the path of a `model.safetensors` or of an ONNX file, or a
    `lithe.graph` model. `example_input` (n, c, h, w) is a tensor, an array, a shape, or a
    tuple of them where there are several inputs; a network of lithe's tells its own. The
    weights are copied: later changes to the module have no effect.

    `threads` is at most how many a call uses: as many as there are processors, but no more
    than have 2 million MACs each to do, unless given. `target` is an instruction set
    (`avx512`, `avx2`, `baseline`, `neon`), the best of this processor unless given. With
    `tune` the schedule of every block is the one that is fastest when it is run here, which
    takes some seconds, once; otherwise a model of the processor decides. What was compiled and
    measured is kept in the folder `cache`, the user's cache unless given.

    With `fallback` the operators of a torch module that the engine does not have run in
    PyTorch; a warning names them, and what comes back, `PartlyCompiled`, says what runs where.

    Raises:
        LitheError: an operator that the engine does not have, a model that cannot be
            captured, an example that it does not take, or a target that does not run here.
    """
    isa = instruction_set(target)
    if threads is not None and threads < 1:
        raise LitheError(f"threads={threads}; a network needs 1 or more")
    kept = Cache(cache)
    try:
        return _whole(model_from(model, example_input), isa, threads, kept, tune)
    except LitheError:
        if not fallback or example_input is None or isinstance(model, str | PathLike | Model):
            raise
        from lithe.engine.partly import partly_compiled

        return partly_compiled(
            model, module_inputs(example_input), lambda part: _whole(part, isa, threads, kept, tune)
        )


def _whole(
    model: Model, isa: InstructionSet, threads: int | None, cache: Cache, tune: bool
) -> CompiledNetwork:
    network = compile_model(simplify(model), isa, threads, cache, tune=tune)
    del model
    give_back()  # IR and weights as they were: ten megabytes for MobileNetV2
    return network


def compile_model(
    model: Model, isa: InstructionSet, threads: int | None, cache: Cache, *, tune: bool = False
) -> CompiledNetwork:
    """A simplified model as machine code, for the batch size that it has.

    Raises:
        LitheError: operators that the engine does not have, each named.
    """
    threads = threads or default_threads(model.graph, usable_processors())
    groupers = GROUPERS
    if tune:
        groupers = tuple(measuring(isa, threads, cache) if g is fuse_block else g for g in GROUPERS)
    native = native_of(isa, cache)
    mixes = mixes_samples(model.graph)
    batch = batch_of(model.graph)
    program = lower(model if mixes else with_batch(model, 1), isa, threads, groupers)
    piece = 1 if mixes else piece_of(batch, threads, plan_program(program).total_bytes)
    if piece == 1:
        loaded = load_program(program, build(program, isa, cache))
        return CompiledNetwork(loaded, native, threads, batch=batch, mixes_samples=mixes)
    several = lower(with_batch(model, piece), isa, threads, groupers)
    loaded = load_program(several, build(several, isa, cache))
    single = load_program(program, build(program, isa, cache), loaded)
    return CompiledNetwork(loaded, native, threads, batch=batch, single=single)


def piece_of(batch: int, threads: int, arena_bytes: int) -> int:
    """Samples to compute at once, where one needs an arena of so many bytes.

    Several read the weights once for all, which pays where there are few pixels to each
    weight, until their activations leave the caches. MobileNetV2 at 96 pixels: 0.75 ms a
    sample by one, 0.68 by two, 0.65 by four, 0.63 by eight; at 224 it is all the same.
    """
    for piece in (4, 3, 2):
        if batch % piece == 0 and piece * threads <= batch and piece * arena_bytes <= PIECE_BYTES:
            return piece
    return 1


def default_threads(graph: Graph, processors: int) -> int:
    """Threads that a network can make use of."""
    macs = sum(node.op.macs(*(graph.shapes[name] for name in node.inputs)) for node in graph.nodes)
    return max(1, min(processors, macs // MACS_PER_THREAD))
