"""A program: what the engine will do, as data, before anything of it is compiled.

Steps run one after the other; inside a step the units of work are independent of each
other and may be done by any thread in any order, so that every number of threads gives
the same bits.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lithe.graph.ops import Shape


@dataclass(frozen=True)
class Kernel:
    """IR of a module with one global function, `name(ptr args, i64 begin, i64 end, ptr scratch)`.

    `args` is an array of pointers in the order of `Step.args`; the function does the units
    begin to end - 1 and may use `scratch_bytes` of memory, 64-byte aligned, that no other
    thread sees and that holds anything at first. `scratch_parts` says what for, to readers.

    `work` is the frozen description that the IR follows from. The IR itself is written when
    it is first asked for: to know what a network's steps are takes a tenth of the time.
    """

    name: str
    work: object
    write: Callable[[], str] = field(repr=False, compare=False)
    scratch_bytes: int = 0
    scratch_parts: tuple[tuple[str, int], ...] = ()  # what, and its bytes

    @cached_property
    def ir(self) -> str:
        """The module's text."""
        return self.write()


def written(name: str, ir: str, scratch_bytes: int = 0) -> Kernel:
    """A kernel whose IR is there already, and is all the description that there is."""
    return Kernel(name, ir, lambda: ir, scratch_bytes)


@dataclass(frozen=True, slots=True)
class Arena:
    """A place in memory that is planned: `floats` elements into the buffer of that name."""

    buffer: str
    floats: int = 0


@dataclass(frozen=True, slots=True)
class Weights:
    """Packed weights, by name."""

    name: str


@dataclass(frozen=True, slots=True)
class Input:
    """What the caller brings, by position: float32, n c h w, contiguous."""

    index: int


@dataclass(frozen=True, slots=True)
class Output:
    """What the caller gets, by position: float32, n c h w, contiguous."""

    index: int


Place = Arena | Weights | Input | Output


@dataclass(frozen=True, slots=True)
class Step:
    """A kernel at work on these places; `label` is the module path that it came from.

    `nodes` are the outputs of the graph's nodes whose work it does; none for a copy that
    only brings an output to where the caller wants it.
    """

    kernel: Kernel
    args: tuple[Place, ...]
    units: int
    label: str = ""
    macs: int = 0
    nodes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Program:
    """Steps in order, the bytes of every buffer in the arena, packed weights, the caller's shapes.

    A buffer lives from the first step that names it to the last.
    """

    steps: tuple[Step, ...]
    buffers: Mapping[str, int]
    weights: Mapping[str, NDArray[np.float32]]
    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    notes: tuple[str, ...] = field(default=())
