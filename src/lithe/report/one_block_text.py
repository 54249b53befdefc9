"""One block's way through the engine on a terminal, stage by stage."""

import re
from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from lithe.engine.kernels.names import read_name
from lithe.engine.one_block import OneBlock, StepTime, ir_of, loop_of, loops_of
from lithe.engine.program import Arena, Input, Output, Place
from lithe.graph import Node
from lithe.graph.ops import Activation, BatchNorm, Binary, Conv2d, Fused, Linear, Op, Shape
from lithe.report.terminal import Column, facts, spaced, table

_SHOWN = 2  # of groups of lines that repeat
_LONGEST = 8  # lines of such a group
_LINES = 60  # of assembly that are printed as they are


def graph_text(block: OneBlock) -> RenderableType:
    """The nodes as they were captured."""
    return spaced(_title(block, "as captured"), _nodes(block, block.captured))


def passes_text(block: OneBlock) -> RenderableType:
    """What each pass left of the network, and the block's nodes after the last."""
    columns = [Column("pass"), Column("nodes left", figures=True)]
    passes = table(columns, [(name, str(count)) for name, count in block.passes])
    return spaced(_title(block, "after the passes"), passes, _nodes(block, block.simplified))


def schedule_text(block: OneBlock) -> RenderableType:
    """Each step: kernel, reason, units of work, scratch, and the kernel's name read aloud."""
    parts: list[RenderableType] = [_title(block, f"the schedule for {block.isa.name}")]
    for index in block.steps:
        step = block.program.steps[index]
        rows = [
            ("step", f"{index} of 0 to {len(block.program.steps) - 1}, {step.label}"),
            ("kernel", step.kernel.name),
            ("chosen", block.reason(step) or "nothing to choose"),
            ("units", f"{step.units}, shared out to threads; {step.macs:,} MACs in all"),
            ("scratch", f"{step.kernel.scratch_bytes:,} bytes of each thread"),
        ]
        rows += [("", f"{size:,} {what}") for what, size in step.kernel.scratch_parts]
        rows += [("args", _args(step.args))]
        parts.append(facts(rows))
    for kernel in block.kernels:
        said = table([Column("part"), Column("of the kernel's name")], read_name(kernel.name))
        parts.append(said)
    return spaced(*parts)


def memory_text(block: OneBlock) -> RenderableType:
    """The arena's buffers that are alive while the block runs: where, how large, how long."""
    first, last = block.steps[0], block.steps[-1]
    rows = []
    for name, (begin, end) in sorted(block.live.items(), key=lambda item: item[1]):
        if begin <= last and end >= first:
            size, at = block.program.buffers[name], block.plan.offsets[name]
            steps = f"{begin} to {end}"
            rows.append((name, f"{at:,}", f"{at + size:,}", f"{size:,}", steps))
    headings = ("buffer", "from byte", "to byte", "bytes", "alive in steps")
    columns = [Column(name, figures=name != "buffer") for name in headings]
    scratch = max(step.kernel.scratch_bytes for step in block.program.steps)
    steps = f"step {first}" if first == last else f"steps {first} to {last}"
    return spaced(
        _title(block, f"the arena while {steps} run{'s' * (first == last)}"),
        table(columns, rows),
        Text(
            f"The whole network: an arena of {block.plan.total_bytes:,} bytes, "
            f"and {scratch:,} bytes of\nscratch for each thread."
        ),
    )


def ir_text(block: OneBlock, function: str = "") -> RenderableType:
    """The innermost loop of one function as it was written for LLVM."""
    kernel, loop = loop_of(block, function)
    v = f"<{block.isa.lanes} x float>"
    # Types are most of LLVM's text; a letter for the one of every line lets it fit.
    lines = [line.replace(v, "V") for line in ir_of(kernel, loop.function)]
    title = _title(block, f"the loop of @{loop.function} in {kernel.name}", f"V is {v}")
    return spaced(title, Text("\n".join(excerpt(lines))))


def assembly_text(block: OneBlock, function: str = "") -> RenderableType:
    """Every innermost loop counted, and one of them printed."""
    rows = []
    for kernel in block.kernels:
        for loop in loops_of(kernel, block.isa):
            counts = (loop.multiply_adds, loop.loads, loop.spills, len(loop.instructions))
            rows.append((loop.function, loop.label, *map(str, counts)))
    names = ("function", "loop", "multiply-adds", "loads", "spills", "instructions")
    columns = [Column(name, figures=name not in names[:2]) for name in names]
    _, loop = loop_of(block, function)
    lines = [f"{loop.label}:", *_aligned(loop.instructions)]
    return spaced(
        _title(block, f"the innermost loops for {block.isa.name}, one trip of each"),
        table(columns, rows),
        Text("\n".join(lines if len(lines) <= _LINES else excerpt(lines))),
    )


def time_text(
    block: OneBlock, times: Sequence[StepTime], peak: float, threads: int
) -> RenderableType:
    """Measured: each step in the whole network, and its share of the peak."""
    rows = [
        (
            time.step.label,
            f"{1e6 * time.seconds:,.0f}",
            f"{1e-9 * time.step.macs / time.seconds:.1f}",
            f"{100 * time.share:.0f} %",
        )
        for time in times
    ]
    columns = [Column("step")]
    columns += [Column(name, figures=True) for name in ("us", "GMAC/s", "of the peak")]
    return spaced(
        _title(block, f"measured for {block.isa.name}, {threads} thread{'s' * (threads > 1)}"),
        table(columns, rows),
        Text(
            f"Best of 30 runs; the peak in the same minute: {1e-9 * peak:.1f} GMAC/s.\n"
            "Padding counts as if it were multiplied."
        ),
    )


def excerpt(lines: Sequence[str]) -> list[str]:
    """A text in which what repeats, but for names and numbers, is printed twice and counted."""
    alike = [re.sub(r"[%@]?\w*\d\w*", "0", line) for line in lines]
    out: list[str] = []
    at = 0
    while at < len(lines):
        size, times = _repeats(alike[at:])
        if times > _SHOWN + 1:
            out += lines[at : at + size * _SHOWN]
            out.append(f"  ... {times - _SHOWN} times more, with the next registers ...")
            at += size * times
        else:
            out.append(lines[at])
            at += 1
    return out


def _repeats(lines: Sequence[str]) -> tuple[int, int]:
    """Lines and times of the group at the beginning that takes most lines with its repeats."""
    best = 1, 1
    for size in range(1, min(_LONGEST, len(lines)) + 1):
        times = 1
        while lines[size * times : size * (times + 1)] == lines[:size]:
            times += 1
        if times > 1 and size * times > best[0] * best[1]:
            best = size, times
    return best


def op_words(op: Op) -> str:
    """An operator in a few words."""
    match op:
        case Fused():
            parts = [op_words(op.op)] + ["residual"] * op.residual
            return " + ".join([*parts, op_words(op.activation)] if op.activation else parts)
        case Conv2d():
            size = "x".join(map(str, op.kernel))
            stride = f" stride {op.stride[0]}" if op.stride != (1, 1) else ""
            depthwise = op.groups == op.c_in == op.c_out > 1
            words = f"depthwise {size}{stride} {op.c_in}"
            if not depthwise:
                words = f"conv {size}{stride} {op.c_in}->{op.c_out}"
            return words + (" + bias" if op.bias else "")
        case Linear():
            return f"linear {op.c_in}->{op.c_out}" + (" + bias" if op.bias else "")
        case BatchNorm():
            return f"batch norm {op.c}"
        case Activation() | Binary():
            return op.kind
        case _:
            return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(op).__name__).lower()


def _title(block: OneBlock, what: str, more: str = "") -> Text:
    title = Text.assemble((block.path, "bold"), f": {what}")
    return title.append(f"\n{more}") if more else title


def _nodes(block: OneBlock, nodes: Sequence[Node]) -> RenderableType:
    rows = [
        (
            node.path.removeprefix(f"{block.path}."),
            op_words(node.op),
            f"{', '.join(node.inputs)} -> {node.output}",
            _size(block.shapes[node.output]),
        )
        for node in nodes
    ]
    return table(
        [Column("module"), Column("operator"), Column("tensors"), Column("c x h x w")], rows
    )


def _size(shape: Shape) -> str:
    return "x".join(map(str, shape[1:]))


def _args(places: Sequence[Place]) -> str:
    return ", ".join(map(_place, places))


def _place(place: Place) -> str:
    match place:
        case Input():
            return f"input {place.index}"
        case Output():
            return f"output {place.index}"
        case Arena():
            return place.buffer + (f" + {4 * place.floats}" if place.floats else "")
        case _:
            return place.name


def _aligned(lines: Sequence[str]) -> list[str]:
    cut = [line.strip().partition("\t") for line in lines]
    return [f"    {operation:<14}{operands}".rstrip() for operation, _, operands in cut]
