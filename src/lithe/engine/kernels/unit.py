"""What every kernel has around its work: a name printed from its schedule, a loop over units."""

from collections.abc import Callable, Sequence
from hashlib import blake2b

from lithe.engine.ir import Function, Value, module
from lithe.engine.isa import InstructionSet
from lithe.engine.program import Kernel

Unit = Callable[[Function, Sequence[str], Value], None]


def kernel_name(stem: str, spec: object, isa: InstructionSet) -> str:
    """`f32_<stem>_<digest of the spec>__<isa>`: equal names are equal IR.

    A spec is a frozen dataclass of numbers and names, so its repr is all there is to it.
    """
    digest = blake2b(repr(spec).encode(), digest_size=4).hexdigest()
    return f"f32_{stem}_{digest}__{isa.name}"


def unit_kernel(
    isa: InstructionSet, name: str, arguments: int, unit: Unit, tables: Sequence[str] = ()
) -> Kernel:
    """A kernel that calls `unit(f, pointers, index)` for each unit of its share.

    `tables` are constants of the module, as global definitions.
    """
    params = [("ptr", "args"), ("i64", "begin"), ("i64", "end"), ("ptr", "scratch")]
    f = Function(isa, name, params, linkage="")
    pointers = [f.argument("%args", index) for index in range(arguments)]

    def body(index: Value, _: list[str]) -> list[str]:
        unit(f, pointers, index)
        return []

    f.loop("%begin", "%end", [], body)
    return Kernel(name, module(isa, [*tables, f.text]))


def vectors(
    f: Function,
    begin: Value,
    end: Value,
    body: Callable[[Value, int | None], None],
    *,
    unroll: int = 1,
) -> None:
    """`body(position, lanes)` over elements begin to end - 1, whole vectors and then the rest.

    Where both ends are ints the rest is a masked vector. An `end` that is not known is the
    caller's promise that the number of elements is a whole number of vectors.
    """
    lanes = f.isa.lanes
    whole: Value = end
    if isinstance(begin, int) and isinstance(end, int):
        whole = begin + (end - begin) // lanes * lanes
    start = begin
    if unroll > 1 and isinstance(begin, int) and isinstance(whole, int):
        blocks = begin + (whole - begin) // (lanes * unroll) * (lanes * unroll)

        def block(position: Value, _: list[str]) -> list[str]:
            for index in range(unroll):
                body(f.add(position, index * lanes), None)
            return []

        f.loop(begin, blocks, [], block, step=lanes * unroll)
        start = blocks

    def one(position: Value, _: list[str]) -> list[str]:
        body(position, None)
        return []

    f.loop(start, whole, [], one, step=lanes)
    if isinstance(end, int) and isinstance(whole, int) and end > whole:
        body(whole, end - whole)
