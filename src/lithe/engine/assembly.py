"""What LLVM made of a kernel: its innermost loops, and what a trip of each costs.

LLVM says in comments which block belongs to which loop and which instruction moves a
register out of the way and back, so nothing here has to follow a jump.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_COMMENT = re.compile(r"\s*(?:#|//)\s")
_FUNCTION = re.compile(r"([A-Za-z_][\w.]*):")
_BLOCK = re.compile(r"(?:\.L)?(BB\d+_\d+):|(?:#|//) %bb\.\d+:")
_INSIDE = re.compile(r"in Loop: Header=(BB\d+_\d+)")
_MULTIPLY_ADD = re.compile(r"vfn?m(?:add|sub)\d+ps|fml[as]|mulps")
_VECTOR = re.compile(r"%[xyz]mm|\b[qvsd]\d+")


@dataclass(frozen=True, slots=True)
class Loop:
    """An innermost loop: `lines` of assembly, with LLVM's comments, of the function's `label`."""

    function: str
    label: str
    lines: tuple[str, ...]

    @property
    def instructions(self) -> tuple[str, ...]:
        """Without comments and labels."""
        bare = (_COMMENT.split(line)[0].rstrip() for line in self.lines)
        return tuple(line for line in bare if line.startswith("\t") and line[1] != ".")

    @property
    def multiply_adds(self) -> int:
        """Vector instructions that multiply and add; where there are none, that multiply."""
        return sum(bool(_MULTIPLY_ADD.match(line[1:])) for line in self.instructions)

    @property
    def loads(self) -> int:
        """Vectors read from memory, a broadcast number being one, folded ones included."""
        return sum(map(_loads, self.instructions))

    @property
    def spills(self) -> int:
        """Registers put on the stack or taken back, because there were not enough."""
        return sum("Spill" in line or "Reload" in line for line in self.lines)


def inner_loops(text: str) -> list[Loop]:
    """The innermost loops of an assembly text with LLVM's comments, in order.

    One that does no vector arithmetic, as one that clears memory, is among them.
    """
    blocks = list(_blocks(text))
    loops = []
    for function, label, lines in blocks:
        if "Inner Loop Header" not in "\n".join(lines):
            continue
        rest = [
            line
            for _, _, others in blocks
            if (found := _INSIDE.search("\n".join(others))) and found[1] == label
            for line in others
        ]
        loops.append(Loop(function, label, (*lines, *rest)))
    return loops


def ir_loop(ir: str, function: str) -> tuple[str, ...]:
    """The first innermost loop of a function's IR that multiplies and adds, if there is one."""
    lines = ir.splitlines()
    begins = [i for i, line in enumerate(lines) if re.match(rf"define .*@{function}\(", line)]
    if not begins:
        return ()
    end = lines.index("}", begins[0])
    heads: list[tuple[str, int]] = []
    for at in range(begins[0], end):
        line = lines[at]
        if line.startswith("head"):
            heads.append((line[:-1], at))
        elif heads and line == f"  br label %{heads[-1][0]}":
            _, start = heads.pop()
            loop = lines[start : at + 1]
            if any("@llvm.fm" in one for one in loop):
                return tuple(loop)
    return ()


def _blocks(text: str) -> Iterator[tuple[str, str, list[str]]]:
    """(function, label or nothing, lines) of every basic block."""
    function, label = "", ""
    lines: list[str] = []
    for line in text.splitlines():
        begins, block = _FUNCTION.match(line), _BLOCK.match(line)
        if begins or block:
            yield function, label, lines
            function, lines = begins[1] if begins else function, []
            label = (block and block[1]) or ""
        lines.append(line)
    yield function, label, lines


def _loads(line: str) -> int:
    operation, _, operands = line.strip().partition("\t")
    if operation in ("ldp", "ld2", "ld2r"):
        return 2 if _VECTOR.search(operands) else 0
    if operation.startswith("ld"):
        return int(bool(_VECTOR.search(operands)))
    # On x86 the operand written is the last one.
    read = operands.rpartition(", ")[0]
    return int("(" in read and bool(_VECTOR.search(operands)))
