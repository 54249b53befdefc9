"""LLVM IR as text, one function at a time: the few words that kernels are written in.

A value is a Python int, known while the kernel is written, or the name of a register.
Arithmetic on two ints is done here and now, so an address with baked strides is one
displacement. Loops take the values they carry and a body that returns the new ones, so
there is no memory between iterations and nothing for an optimiser to promote.
"""

import struct
from collections.abc import Callable, Sequence

from lithe.engine.isa import InstructionSet

Value = int | str
Body = Callable[[Value, list[str]], list[str]]


class Function:
    """One function under construction; `text` is its IR when it is finished."""

    def __init__(
        self,
        isa: InstructionSet,
        name: str,
        params: Sequence[tuple[str, str]],
        *,
        linkage: str = "internal",
    ) -> None:
        self.isa = isa
        self.name = name
        self._signature = ", ".join(f"{kind} %{param}" for kind, param in params)
        self._linkage = linkage
        self._entry: list[str] = []  # what has to be in the first block
        self._lines: list[str] = []
        self._count = 0
        self._block = "entry"

    @property
    def text(self) -> str:
        """The finished function, which returns nothing."""
        body = "\n".join([*self._entry, *self._lines])
        linkage = f"{self._linkage} " if self._linkage else ""
        inline = "noinline " if self._linkage else ""
        return (
            f"define {linkage}void @{self.name}({self._signature}) {inline}#0 {{\n"
            f"entry:\n{body}\n  ret void\n}}\n"
        )

    # Text

    def do(self, text: str) -> None:
        """An instruction without a result."""
        self._lines.append(f"  {text}")

    def let(self, text: str) -> str:
        """An instruction and the register that holds its result."""
        self._count += 1
        self._lines.append(f"  %v{self._count} = {text}")
        return f"%v{self._count}"

    def _label(self, name: str) -> None:
        self._lines.append(f"{name}:")
        self._block = name

    def _fresh(self, stem: str) -> str:
        self._count += 1
        return f"{stem}{self._count}"

    # Control

    def loop(
        self,
        begin: Value,
        end: Value,
        carried: Sequence[str],
        body: Body,
        *,
        step: Value = 1,
        kind: str = "",
    ) -> list[str]:
        """`body(index, carried)` for index in range(begin, end, step), at least not at all.

        `kind` is the type of the carried values, a vector of floats unless given. Where both
        ends are ints and there is one trip or none, no loop is written.
        """  # fmt: skip
        carried = list(carried)
        if isinstance(begin, int) and isinstance(end, int) and isinstance(step, int):
            trips = max(0, -(-(end - begin) // step))
            if trips == 0:
                return carried
            if trips == 1:
                return body(begin, carried)
        kind = kind or self.vector
        head, inside, after = self._fresh("head"), self._fresh("body"), self._fresh("after")
        before = self._block
        self.do(f"br label %{head}")
        self._label(head)
        index = self._fresh("%i")
        phis = [self._fresh("%p") for _ in carried]
        mark = len(self._lines)
        runs = self.let(f"icmp slt i64 {index}, {end}")
        self.do(f"br i1 {runs}, label %{inside}, label %{after}")
        self._label(inside)
        results = body(index, list(phis))
        following = self.add(index, step)
        last = self._block
        self.do(f"br label %{head}")
        heads = [f"  {index} = phi i64 [ {begin}, %{before} ], [ {following}, %{last} ]"]
        for phi, first, again in zip(phis, carried, results, strict=True):
            heads.append(f"  {phi} = phi {kind} [ {first}, %{before} ], [ {again}, %{last} ]")
        self._lines[mark:mark] = heads
        self._label(after)
        return phis

    def when(self, condition: str, body: Callable[[], None]) -> None:
        """`body` where an i1 is true."""
        inside, after = self._fresh("then"), self._fresh("endif")
        self.do(f"br i1 {condition}, label %{inside}, label %{after}")
        self._label(inside)
        body()
        self.do(f"br label %{after}")
        self._label(after)

    def call(self, name: str, *args: tuple[str, Value]) -> None:
        """Call a function of this module that returns nothing."""
        self.do(f"call void @{name}({', '.join(f'{kind} {value}' for kind, value in args)})")

    # Integers

    def add(self, a: Value, b: Value) -> Value:
        """A + b."""
        if isinstance(a, int) and isinstance(b, int):
            return a + b
        if a == 0:
            return b
        return a if b == 0 else self.let(f"add nsw i64 {a}, {b}")

    def sub(self, a: Value, b: Value) -> Value:
        """A - b."""
        if isinstance(a, int) and isinstance(b, int):
            return a - b
        return a if b == 0 else self.let(f"sub nsw i64 {a}, {b}")

    def mul(self, a: Value, b: Value) -> Value:
        """A * b."""
        if isinstance(a, int) and isinstance(b, int):
            return a * b
        if a == 0 or b == 0:
            return 0
        if a == 1:
            return b
        return a if b == 1 else self.let(f"mul nsw i64 {a}, {b}")

    def div(self, a: Value, b: int) -> Value:
        """A // b of values that are not negative."""
        if isinstance(a, int):
            return a // b
        return a if b == 1 else self.let(f"udiv i64 {a}, {b}")

    def rem(self, a: Value, b: int) -> Value:
        """A % b of values that are not negative."""
        if isinstance(a, int):
            return a % b
        return 0 if b == 1 else self.let(f"urem i64 {a}, {b}")

    def min(self, a: Value, b: Value) -> Value:
        """The smaller of two."""
        if isinstance(a, int) and isinstance(b, int):
            return min(a, b)
        return self.let(f"call i64 @llvm.smin.i64(i64 {a}, i64 {b})")

    def max(self, a: Value, b: Value) -> Value:
        """The larger of two."""
        if isinstance(a, int) and isinstance(b, int):
            return max(a, b)
        return self.let(f"call i64 @llvm.smax.i64(i64 {a}, i64 {b})")

    def less(self, a: Value, b: Value) -> str:
        """A < b as an i1."""
        return self.let(f"icmp slt i64 {a}, {b}")

    # Addresses

    def at(self, base: str, floats: Value) -> str:
        """The address `floats` float32 elements behind a base."""
        return base if floats == 0 else self.let(f"getelementptr float, ptr {base}, i64 {floats}")

    def argument(self, args: str, index: Value) -> str:
        """The pointer that an array of pointers holds at `index`."""
        where = self.let(f"getelementptr ptr, ptr {args}, i64 {index}")
        return self.let(f"load ptr, ptr {where}, align 8")

    def room(self, count: int) -> str:
        """Memory for so many vectors, for as long as the function runs."""
        self._count += 1
        floats = count * self.isa.lanes
        self._entry.append(f"  %v{self._count} = alloca float, i64 {floats}, align 64")
        return f"%v{self._count}"

    def put_away(self, value: str, room: str, index: int) -> None:
        """A vector into such memory, and out of the registers: LLVM may not keep it in one."""
        place = self.at(room, index * self.isa.lanes)
        self.do(f"store volatile {self.vector} {value}, ptr {place}, align 64")

    def take_back(self, room: str, index: int) -> str:
        """A vector that was put away."""
        place = self.at(room, index * self.isa.lanes)
        return self.let(f"load volatile {self.vector}, ptr {place}, align 64")

    def pointers(self, count: int) -> str:
        """Room for an array of pointers, for as long as the function runs."""
        self._count += 1
        self._entry.append(f"  %v{self._count} = alloca ptr, i64 {count}, align 64")
        return f"%v{self._count}"

    def point(self, array: str, index: Value, pointer: str) -> None:
        """Write a pointer into an array of them."""
        where = self.let(f"getelementptr ptr, ptr {array}, i64 {index}")
        self.do(f"store ptr {pointer}, ptr {where}, align 8")

    # Vectors

    @property
    def vector(self) -> str:
        """LLVM's name of a full vector of float32."""
        return f"<{self.isa.lanes} x float>"

    @property
    def _suffix(self) -> str:
        return f"v{self.isa.lanes}f32"

    @property
    def zero(self) -> str:
        """A vector of zeros."""
        return "zeroinitializer"

    def load(self, address: str, lanes: int | None = None) -> str:
        """A vector from an address; with fewer `lanes` the others are 0 and never read."""
        if lanes is None or lanes == self.isa.lanes:
            return self.let(f"load {self.vector}, ptr {address}, align 4")
        return self.let(
            f"call {self.vector} @llvm.masked.load.{self._suffix}.p0(ptr align 4 {address}, "
            f"{self._mask(lanes)}, {self.vector} zeroinitializer)"
        )

    def store(self, value: str, address: str, lanes: int | None = None) -> None:
        """A vector to an address; with fewer `lanes` nothing behind them is written."""
        if lanes is None or lanes == self.isa.lanes:
            self.do(f"store {self.vector} {value}, ptr {address}, align 4")
            return
        self.do(
            f"call void @llvm.masked.store.{self._suffix}.p0({self.vector} {value}, "
            f"ptr align 4 {address}, {self._mask(lanes)})"
        )

    def _mask(self, lanes: int) -> str:
        bits = ", ".join(f"i1 {int(lane < lanes)}" for lane in range(self.isa.lanes))
        return f"<{self.isa.lanes} x i1> <{bits}>"

    def broadcast(self, address: str) -> str:
        """One float32 from an address in every lane."""
        return self.splat(self.let(f"load float, ptr {address}, align 4"))

    def splat(self, scalar: str) -> str:
        """A scalar register in every lane."""
        one = self.let(f"insertelement {self.vector} poison, float {scalar}, i64 0")
        zeros = f"<{self.isa.lanes} x i32> zeroinitializer"
        return self.let(f"shufflevector {self.vector} {one}, {self.vector} poison, {zeros}")

    def constant(self, number: float) -> str:
        """A number in every lane, as an immediate."""
        return f"splat (float {float_text(number)})"

    def fma(self, a: str, b: str, c: str) -> str:
        """A * b + c, rounded once where the machine can."""
        v = self.vector
        name = "fma" if self.isa.fused else "fmuladd"
        return self.let(f"call {v} @llvm.{name}.{self._suffix}({v} {a}, {v} {b}, {v} {c})")

    def binary(self, operation: str, a: str, b: str) -> str:
        """`fadd`, `fsub`, `fmul` or `fdiv` of two vectors."""
        return self.let(f"{operation} {self.vector} {a}, {b}")

    def select(self, comparison: str, a: str, b: str, then: str, other: str) -> str:
        """`then` in the lanes where `a` compares with `b`, as `ogt`; `other` elsewhere."""
        mask = self.let(f"fcmp {comparison} {self.vector} {a}, {b}")
        kind = f"<{self.isa.lanes} x i1>"
        return self.let(f"select {kind} {mask}, {self.vector} {then}, {self.vector} {other}")

    def shuffle(self, a: str, b: str, pattern: Sequence[int]) -> str:
        """Lane i is element `pattern[i]` of `a` followed by `b`."""
        lanes = ", ".join(f"i32 {lane}" for lane in pattern)
        v, n = self.vector, self.isa.lanes
        return self.let(f"shufflevector {v} {a}, {v} {b}, <{n} x i32> <{lanes}>")

    def gather(self, address: str, stride: int, lanes: int | None = None) -> str:
        """A vector of elements `stride` floats apart, read one by one; other lanes are 0."""
        value = "zeroinitializer"
        for lane in range(lanes or self.isa.lanes):
            one = self.let(f"load float, ptr {self.at(address, lane * stride)}, align 4")
            value = self.let(f"insertelement {self.vector} {value}, float {one}, i64 {lane}")
        return value

    def prefetch(self, address: str, level: int) -> None:
        """Ask for the cache line at an address, to be read, in the cache of that level."""
        self.do(f"call void @llvm.prefetch.p0(ptr {address}, i32 0, i32 {4 - level}, i32 1)")


def float_text(number: float) -> str:
    """A float32 as LLVM writes it: the bits of the same number as a double, in hexadecimal."""
    rounded = struct.unpack("<f", struct.pack("<f", number))[0]
    return f"0x{struct.unpack('<Q', struct.pack('<d', rounded))[0]:016X}"


def module(isa: InstructionSet, functions: Sequence[str]) -> str:
    """The text of a module that holds these functions."""
    v, s, n = f"<{isa.lanes} x float>", f"v{isa.lanes}f32", isa.lanes
    declarations = (
        f"declare {v} @llvm.fma.{s}({v}, {v}, {v})",
        f"declare {v} @llvm.fmuladd.{s}({v}, {v}, {v})",
        f"declare {v} @llvm.sqrt.{s}({v})",
        f"declare {v} @llvm.masked.load.{s}.p0(ptr, <{n} x i1>, {v})",
        f"declare void @llvm.masked.store.{s}.p0({v}, ptr, <{n} x i1>)",
        "declare i64 @llvm.smin.i64(i64, i64)",
        "declare i64 @llvm.smax.i64(i64, i64)",
        "declare void @llvm.prefetch.p0(ptr, i32, i32, i32)",
    )
    # No call may be made of a loop that looks like memset: nothing is there to link against.
    attributes = 'attributes #0 = { nounwind "no-builtins" }'
    return "\n".join([f'target triple = "{isa.triple}"', *declarations, *functions, attributes, ""])
