"""From IR to an object file: the only place that imports llvmlite."""

from functools import lru_cache
from typing import Any

from lithe.engine.isa import InstructionSet
from lithe.errors import LitheError


def compile_ir(ir: str, isa: InstructionSet) -> bytes:
    """A relocatable ELF object of a module's text.

    Raises:
        LitheError: LLVM does not take the text, which is a fault of the generator.
    """
    return bytes(_machine(isa).emit_object(_optimized(ir, isa)))


def assembly(ir: str, isa: InstructionSet, *, comments: bool = False) -> str:
    """The same module as assembly text, to be read; LLVM's `comments` tell loops and spills."""
    machine = _machine(isa)
    machine.set_asm_verbosity(comments)
    return str(machine.emit_assembly(_optimized(ir, isa)))


def _optimized(ir: str, isa: InstructionSet) -> Any:
    import llvmlite.binding as llvm

    machine = _machine(isa)
    try:
        module = llvm.parse_assembly(ir)
        module.verify()
    except RuntimeError as error:
        raise LitheError(f"LLVM refuses a generated kernel: {error}") from error
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    # The k loop holds a whole tile of accumulators: unrolled or vectorised again it spills.
    options.loop_unrolling = False
    options.loop_vectorization = False
    options.slp_vectorization = False
    options.loop_interleaving = False
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    return module


@lru_cache
def _machine(isa: InstructionSet) -> Any:
    import llvmlite.binding as llvm

    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    target = llvm.Target.from_triple(isa.triple)
    return target.create_target_machine(
        cpu=isa.cpu, features=isa.features, opt=2, reloc="pic", codemodel="small"
    )
