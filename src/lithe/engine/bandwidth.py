"""How fast this CPU reads and copies: loops of nothing but vector loads, or loads and stores.

Each thread goes through a part of the buffer of its own from end to end, again and again. How
large the buffer is decides which cache it comes from.
"""

from typing import Literal

from lithe.engine.cache import Cache
from lithe.engine.ir import Value, module
from lithe.engine.isa import InstructionSet
from lithe.engine.loops import (
    LINE_BYTES,
    Bytes,
    Loop,
    each_unit,
    loop_function,
    prepared,
    setting,
)
from lithe.engine.program import Kernel, written
from lithe.engine.runtime import aligned

Motion = Literal["read", "copy", "fill"]

# A part is read as two halves side by side, which on Zen 5 is 17 % faster from L2 and 7 % from
# L3 and memory than one after the other; four were slower. A copy has two streams by nature.
STREAMS = 2


def vectors(isa: InstructionSet) -> int:
    """Vectors of one trip; those read have sums of their own, so that none waits for another."""
    return isa.registers // 2


def chunk_bytes(isa: InstructionSet) -> int:
    """What a thread's part is a multiple of: 1 KiB with vectors of 64 bytes."""
    return 4 * isa.lanes * vectors(isa)


def touched(size_bytes: int, isa: InstructionSet, threads: int, cache: Cache) -> Bytes:
    """A buffer of about that size, in whole chunks for each thread, written once.

    Untouched pages would all be one page of zeros. Each thread writes the part that it will
    use, because a machine of several sockets keeps a page where it was touched first.
    """
    chunk = 2 * chunk_bytes(isa)  # so that it can be copied from one half to the other
    part = max(1, size_bytes // threads // chunk) * chunk
    buffer = aligned(threads * part)
    bandwidth_loop("fill", buffer, isa, threads, cache)
    return buffer


def bandwidth_loop(
    motion: Motion, buffer: Bytes, isa: InstructionSet, threads: int, cache: Cache
) -> Loop:
    """The loop over a buffer, shared out to the threads.

    Its work is counted in bytes: those read or written, in a copy both.
    """
    return prepared(
        motion_kernel(motion, isa),
        isa,
        (buffer,),
        threads,
        cache,
        work=float(buffer.nbytes),
        part_bytes=buffer.nbytes // threads,
    )


def motion_kernel(motion: Motion, isa: InstructionSet) -> Kernel:
    """A kernel whose arguments are settings, buffer and output.

    A trip of "read" goes through a thread's part once; the exclusive or of all 64-bit words
    goes to the output, because without a reader there would be no load. "copy" moves the
    first half of the part to its second half, "fill" writes ones.
    """
    name = f"{motion}__{isa.name}"
    f = loop_function(isa, name)
    vector = f"<{isa.lanes // 2} x i64>"
    trips, part = setting(f, 0), setting(f, 1)
    buffer, out = f.argument("%args", 1), f.argument("%args", 2)
    size = 4 * isa.lanes
    streams = STREAMS if motion == "read" else 1
    span = f.div(part, STREAMS if motion != "fill" else 1)
    per_stream = vectors(isa) // streams

    def byte(base: str, offset: Value) -> str:
        return f.let(f"getelementptr i8, ptr {base}, i64 {offset}")

    def load(address: str) -> str:
        return f.let(f"load {vector}, ptr {address}, align 4")

    def unit(index: Value) -> None:
        start = byte(buffer, f.mul(index, part))
        starts = [byte(start, f.mul(span, stream)) for stream in range(streams)]
        other = [byte(each, span) for each in starts]

        def chunk(offset: Value, sums: list[str]) -> list[str]:
            sums = list(sums)
            bases = [byte(each, offset) for each in starts]
            targets = [byte(each, offset) for each in other]
            for row in range(per_stream):
                for stream, base in enumerate(bases):
                    address = byte(base, row * size)
                    if motion == "fill":
                        f.do(f"store {vector} splat (i64 1), ptr {address}, align 4")
                        continue
                    value = load(address)
                    if motion == "copy":
                        target = byte(targets[stream], row * size)
                        f.do(f"store {vector} {value}, ptr {target}, align 4")
                    else:
                        at = row * streams + stream
                        sums[at] = f.let(f"xor {vector} {sums[at]}, {value}")
            return sums

        def trip(_: Value, sums: list[str]) -> list[str]:
            return f.loop(0, span, sums, chunk, step=per_stream * size, kind=vector)

        first = ["zeroinitializer"] * (vectors(isa) if motion == "read" else 0)
        sums = f.loop(0, trips, first, trip, kind=vector)
        if sums:
            total, *rest = sums
            for each in rest:
                total = f.let(f"xor {vector} {total}, {each}")
            place = f.at(out, f.mul(index, LINE_BYTES // 4))
            f.do(f"store {vector} {total}, ptr {place}, align 4")

    each_unit(f, unit)
    return written(name, module(isa, [f.text]))
