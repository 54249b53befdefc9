"""Which instruction set to compile for: the best that the processor reports, or a named one."""

import platform
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from lithe.engine.isa import INSTRUCTION_SETS, InstructionSet
from lithe.errors import LitheError

_CPUINFO = Path("/proc/cpuinfo")


def instruction_set(name: str | None = None) -> InstructionSet:
    """The instruction set of that name, or the best that runs here.

    Raises:
        LitheError: no such name, or code for it would not run on this machine.
    """
    able = runnable()
    if name is None:
        if not able:
            raise LitheError(
                f"the engine has no instruction set for {platform.machine() or 'this machine'}; "
                f"it knows {', '.join(INSTRUCTION_SETS)}"
            )
        return able[0]
    isa = known_instruction_set(name)
    if isa not in able:
        raise LitheError(
            f"this processor cannot run {name} code; it runs "
            f"{', '.join(other.name for other in able) or 'none of the targets'}"
        )
    return isa


def known_instruction_set(name: str) -> InstructionSet:
    """The instruction set of that name, whether this machine runs it or not.

    Raises:
        LitheError: no such name.
    """
    if name not in INSTRUCTION_SETS:
        raise LitheError(f"no target {name!r}; there are {', '.join(INSTRUCTION_SETS)}")
    return INSTRUCTION_SETS[name]


@lru_cache
def runnable() -> tuple[InstructionSet, ...]:
    """The instruction sets that this machine runs, the best first."""
    machine, flags = platform.machine(), processor_flags()
    return tuple(
        isa
        for isa in INSTRUCTION_SETS.values()
        if isa.triple.split("-")[0] == machine and flags.issuperset(isa.flags)
    )


def processor_flags() -> frozenset[str]:
    """What Linux says of the first processor, without what it does not let programs use."""
    with suppress(OSError), _CPUINFO.open() as file:
        for line in file:  # no further than needed: each processor is slow to be described
            if line.startswith(("flags", "Features")):  # x86, Arm
                return frozenset(line.partition(":")[2].split())
    return frozenset()  # what needs no flags still runs
