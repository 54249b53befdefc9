"""Where times hold: this processor, an instruction set, threads, and what generates the code."""

import hashlib
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable

import lithe
from lithe.cpu import cpu_name
from lithe.engine.build import recipe
from lithe.engine.isa import InstructionSet
from lithe.latency_table.values import Context

# What decides which kernels a table becomes, which code a kernel of a given name is, how it is
# run, and what is known of it.
_SOURCES = (
    "arch/rows.py", "arch/unroll.py", "graph/from_arch.py", "engine/kernels", "engine/lower",
    "engine/ir.py", "engine/isa.py", "engine/tiles.py", "engine/llvm.py", "engine/native.py",
    "engine/plan.py", "engine/layout.py", "engine/loaded.py", "latency_table/features.py",
    "latency_table/feature_rows.py", "latency_table/kernel_features.py",
)  # fmt: skip


def context_of(isa: InstructionSet, threads: int) -> Context:
    """Where times that are measured here hold, for an instruction set and so many threads."""
    return Context(cpu_name(), isa.name, threads, code_digest())


@lru_cache
def code_digest() -> str:
    """What decides what a kernel's name stands for: `GENERATOR-COMPILER`, digests of both.

    A kernel's name has a digest of the work that it was written for, not of the code that
    wrote it. So times are told apart by the generator's source and by LLVM's version: after
    a change of either, what was measured before is not found any more.
    """
    return f"{generator_digest()}-{_short(recipe().encode())}"


@lru_cache
def generator_digest() -> str:
    """A digest of lithe's own part: what plans a network's steps and writes their kernels."""
    found = hashlib.sha256()
    root = files(lithe)
    for name in _SOURCES:
        for path, source in _python_files(root.joinpath(*name.split("/")), name):
            found.update(f"\n{path}\n".encode() + source)
    return found.hexdigest()[:12]


def _short(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:12]


def _python_files(place: Traversable, name: str) -> list[tuple[str, bytes]]:
    if place.is_dir():
        inside = sorted(place.iterdir(), key=lambda each: each.name)
        return [row for each in inside for row in _python_files(each, f"{name}/{each.name}")]
    if not name.endswith(".py") or not place.is_file():
        return []
    return [(name, place.read_bytes())]
