"""What kernels have around their work: a loop over units, a way to each one, vectors and a rest."""

from collections.abc import Callable, Sequence

from lithe.engine.ir import Function, Value, module
from lithe.engine.isa import InstructionSet
from lithe.engine.kernels.names import digest
from lithe.engine.kernels.strides import Strides
from lithe.engine.program import Kernel

Unit = Callable[[Function, Sequence[str], Value], None]

# Floats that one unit writes, about: few enough to share out evenly, and so many that the
# way to the unit costs nothing.
UNIT_FLOATS = 4096


def unit_kernel(
    isa: InstructionSet,
    stem: str,
    spec: object,
    arguments: int,
    unit: Unit,
    tables: Sequence[str] = (),
) -> Kernel:
    """A kernel that calls `unit(f, pointers, index)` for each unit of its share.

    It is called `f32_<stem>__<isa>_<digest of the spec>`: equal names are equal IR. `tables`
    are constants of the module, as global definitions.
    """
    name = f"f32_{stem}__{isa.name}_{digest(spec)}"
    return Kernel(name, spec, lambda: _ir(isa, name, arguments, unit, tables))


def _ir(isa: InstructionSet, name: str, arguments: int, unit: Unit, tables: Sequence[str]) -> str:
    params = [("ptr", "args"), ("i64", "begin"), ("i64", "end"), ("ptr", "scratch")]
    f = Function(isa, name, params, linkage="")
    pointers = [f.argument("%args", index) for index in range(arguments)]

    def body(index: Value, _: list[str]) -> list[str]:
        unit(f, pointers, index)
        return []

    f.loop("%begin", "%end", [], body)
    return module(isa, [*tables, f.text])


def find(
    f: Function,
    pointers: Sequence[str],
    index: Value,
    sizes: Sequence[int],
    strides: Sequence[Strides],
) -> list[str]:
    """The pointers moved to element `index` of a nest of axes, counted from the innermost."""
    places = list(pointers)
    for axis in range(len(sizes) - 1, -1, -1):
        # The outermost index needs no remainder.
        at = f.rem(index, sizes[axis]) if axis else index
        index = f.div(index, sizes[axis]) if axis else 0
        places = move(f, places, at, [stride[axis] for stride in strides])
    return places


def move(f: Function, pointers: Sequence[str], by: Value, strides: Sequence[int]) -> list[str]:
    """Each pointer `by` times its stride further on."""
    return [
        f.at(pointer, f.mul(by, stride)) for pointer, stride in zip(pointers, strides, strict=True)
    ]


def vectors(
    f: Function, count: int, body: Callable[[Value, int | None], None], *, unroll: int = 1
) -> None:
    """`body(position, lanes)` over `count` elements: whole vectors, then a masked rest."""
    lanes = f.isa.lanes
    whole = count // lanes * lanes
    blocks = whole // (lanes * unroll) * (lanes * unroll)

    def block(position: Value, _: list[str]) -> list[str]:
        for index in range(unroll):
            body(f.add(position, index * lanes), None)
        return []

    def one(position: Value, _: list[str]) -> list[str]:
        body(position, None)
        return []

    f.loop(0, blocks, [], block, step=lanes * unroll)
    f.loop(blocks, whole, [], one, step=lanes)
    if count > whole:
        body(whole, count - whole)


def groups(
    f: Function, count: int, most: int, body: Callable[[Value, list[int | None]], None]
) -> None:
    """`body(position, lanes of each vector)` over groups of up to `most` vectors."""
    lanes = f.isa.lanes
    size = most * lanes

    def full(position: Value, _: list[str]) -> list[str]:
        body(position, [None] * most)
        return []

    f.loop(0, count // size * size, [], full, step=size)
    vectors_left, rest = divmod(count % size, lanes)
    if vectors_left or rest:
        body(count // size * size, [None] * vectors_left + ([rest] if rest else []))


def pieces(
    f: Function, index: Value, total: int, size: int, body: Callable[[Value, int], None]
) -> None:
    """`body(begin, count)` for piece `index` of `total` elements in pieces of `size`.

    The last piece may be smaller, which is another piece of code: counts are known.
    """
    whole, rest = divmod(total, size)
    begin = f.mul(index, size)
    if not rest:
        body(begin, size)
    elif not whole:
        body(begin, rest)
    else:
        f.when(f.less(index, whole), lambda: body(begin, size))
        f.when(f.less(whole - 1, index), lambda: body(begin, rest))
