"""Vectors dealt out and turned around inside registers."""

from collections.abc import Sequence

from lithe.engine.ir import Function


def transposed(f: Function, rows: Sequence[str]) -> list[str]:
    """Columns of a square of `lanes` rows, in log2(lanes) rounds of exchanged halves."""
    lanes = f.isa.lanes
    rows = list(rows)
    distance = lanes // 2
    while distance:
        upper = [i - distance + lanes if i & distance else i for i in range(lanes)]
        lower = [i + lanes if i & distance else i + distance for i in range(lanes)]
        for i in range(lanes):
            if not i & distance:
                a, b = rows[i], rows[i + distance]
                rows[i], rows[i + distance] = f.shuffle(a, b, upper), f.shuffle(a, b, lower)
        distance //= 2
    return rows


def interleaved(f: Function, rows: Sequence[str], part: int) -> str:
    """Vector `part` of r0[0], r1[0], ..., r0[1], r1[1], ...: element i of the rows in turn."""
    lanes, count = f.isa.lanes, len(rows)
    wanted = [divmod(part * lanes + lane, count) for lane in range(lanes)]
    return _chosen(f, rows, [(row, element) for element, row in wanted])


def dealt(f: Function, vectors: Sequence[str], which: int) -> str:
    """Every len(vectors)-th element, from element `which` on, of vectors in a row."""
    lanes, count = f.isa.lanes, len(vectors)
    wanted = [divmod(lane * count + which, lanes) for lane in range(lanes)]
    return _chosen(f, vectors, wanted)


def _chosen(f: Function, vectors: Sequence[str], wanted: Sequence[tuple[int, int]]) -> str:
    """The elements (vector, lane), by one shuffle for each vector after the first."""
    lanes = f.isa.lanes
    value = vectors[0]
    placed = [lane if vector == 0 else 0 for vector, lane in wanted]
    if len(vectors) == 1:
        return f.shuffle(value, value, placed)
    for index in range(1, len(vectors)):
        pattern = [
            lanes + lane if vector == index else (placed[i] if index == 1 else i)
            for i, (vector, lane) in enumerate(wanted)
        ]
        value = f.shuffle(value, vectors[index], pattern)
    return value


def folded(f: Function, value: str, operation: str) -> str:
    """Every lane combined with every other, the result in all lanes: `fadd` or `max`."""
    lanes = f.isa.lanes
    distance = lanes // 2
    while distance:
        other = f.shuffle(value, value, [i ^ distance for i in range(lanes)])
        value = f.binary("fadd", value, other) if operation == "fadd" else larger(f, value, other)
        distance //= 2
    return value


def larger(f: Function, a: str, b: str) -> str:
    """The larger of two vectors lane by lane; NaN where either is, as in PyTorch."""
    value = f.select("ogt", b, a, b, a)  # a where either is NaN, in one instruction
    return f.select("uno", b, b, b, value)
