"""`lithe.compile`: from a model to something that is called like it, and is faster."""

from os import PathLike
from typing import TYPE_CHECKING, Any

from lithe.engine.build import build, native_of
from lithe.engine.cache import Cache
from lithe.engine.isa import InstructionSet
from lithe.engine.loaded import load_program
from lithe.engine.lower.blocks import fuse_block
from lithe.engine.lower.lower import GROUPERS
from lithe.engine.network import CompiledNetwork
from lithe.engine.programs import default_threads, programs_of
from lithe.engine.runtime import give_back, usable_processors
from lithe.engine.source import model_from, module_inputs
from lithe.engine.target import instruction_set
from lithe.engine.tune import measuring
from lithe.errors import LitheError
from lithe.graph.model import Model
from lithe.graph.passes import simplify

if TYPE_CHECKING:
    from lithe.engine.partly import PartlyCompiled


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

    With an example of several samples a batch is computed in pieces (see `CompiledNetwork`);
    any other batch size can be given as well.

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
    programs = programs_of(model, isa, threads, groupers)
    whole, single = programs.whole, programs.single
    loaded = load_program(whole, build(whole, isa, cache))
    beside = load_program(single, build(single, isa, cache), loaded) if single else None
    return CompiledNetwork(
        loaded,
        native,
        threads,
        batch=programs.batch,
        single=beside,
        mixes_samples=programs.mixes_samples,
    )
