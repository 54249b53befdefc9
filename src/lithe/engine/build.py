"""From a program to machine code: each distinct kernel compiled once, and never again.

An object file is cached under a digest of its IR and of everything else that decides what
LLVM makes of it. Where all are cached, LLVM is not even imported. Kernels are compiled one
after the other: LLVM has a lock, so threads gain nothing, and processes of their own take
0.3 s to start, most of what they would save.
"""

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from lithe.engine.cache import Cache
from lithe.engine.isa import InstructionSet
from lithe.engine.native import native_ir
from lithe.engine.objects import Code
from lithe.engine.program import Kernel, Program
from lithe.engine.runtime import Native, load_native
from lithe.errors import LitheError

# Part of every key: a change to how `lithe.engine.llvm` compiles needs a new one.
_RECIPE = 1


def object_of(ir: str, isa: InstructionSet, cache: Cache) -> bytes:
    """The object file of a module's text, from the cache or compiled.

    Raises:
        LitheError: LLVM does not take the text, which is a fault of the generator.
    """
    text = "\n".join((recipe(), isa.triple, isa.cpu, isa.features, ir))
    key = f"object {hashlib.sha256(text.encode()).hexdigest()}"
    data = cache.get(key)
    if data is None:
        from lithe.engine.llvm import compile_ir

        data = compile_ir(ir, isa)
        cache.put(key, data)
    return data


def build(program: Program, isa: InstructionSet, cache: Cache) -> Code:
    """The code of all kernels of a program, in memory.

    Raises:
        LitheError: LLVM refuses a kernel, or two kernels have the same name.
    """
    kernels = distinct_kernels(step.kernel for step in program.steps)
    return Code([object_of(kernel.ir, isa, cache) for kernel in kernels])


def distinct_kernels(kernels: Iterable[Kernel]) -> list[Kernel]:
    """Each kernel once, in the order of first use.

    Raises:
        LitheError: different kernels of the same name, a fault of the generator.
    """
    found: dict[str, Kernel] = {}
    for kernel in kernels:
        known = found.setdefault(kernel.name, kernel)
        # What is written alike is the same, though a NaN in it equals nothing.
        if known != kernel and repr(known) != repr(kernel):
            raise LitheError(f"two different kernels are called {kernel.name}")
    return list(found.values())


_NATIVE: dict[InstructionSet, Native] = {}


def native_of(isa: InstructionSet, cache: Cache) -> Native:
    """The step loop for an instruction set, loaded once in a process."""
    native = _NATIVE.get(isa)
    if native is None:
        native = _NATIVE.setdefault(isa, load_native(isa, object_of(native_ir(isa), isa, cache)))
    return native


def recipe() -> str:
    """What decides, beside the IR and the instruction set, what is made of a kernel: our way, LLVM.

    A change of it makes every object file in the cache, and every measured time, another one.
    """
    return f"{_RECIPE}\n{_llvmlite()}"


@lru_cache
def _llvmlite() -> str:
    """What says which llvmlite, and so which LLVM, is installed, without an import of either.

    `importlib.metadata` would do too, but takes as long to import as a network to load.
    """
    spec = find_spec("llvmlite")
    for folder in (spec and spec.submodule_search_locations) or ():
        with suppress(OSError):
            return hashlib.sha256((Path(folder) / "_version.py").read_bytes()).hexdigest()
    from importlib.metadata import version

    return version("llvmlite")
