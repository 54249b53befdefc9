"""Activation memory over time: layer by layer, and under the engine's fused plan.

Both count what the network is given and what it returns, so that they can be compared. No
weight is looked at and nothing is compiled: shapes decide where everything lies.
"""

from collections.abc import Mapping
from math import prod

from lithe.cost import largest_at_each_size, layers, lifetimes
from lithe.engine.isa import InstructionSet
from lithe.engine.layout import dealt_pieces
from lithe.engine.plan import live_ranges
from lithe.engine.program import Input, Output, Program
from lithe.engine.programs import Programs, programs_of
from lithe.graph import Graph, zero_model
from lithe.graph.ops import Shape
from lithe.graph.passes import simplify
from lithe.profiling.values import Buffer, LargestTensor, MemoryUse

INPUT = "input"
BYTES_PER_ELEMENT = 4  # fp32


def layer_memory(graph: Graph) -> MemoryUse:
    """What is alive while each layer runs, one after the other.

    Each tensor is freed after its last use. It is what a program needs that has every tensor in
    memory and frees it as soon as it can. Batch norm is folded and activations run in place.
    """
    parts = layers(graph)
    names = _names(graph)
    steps = tuple(part.path for part in parts) or (INPUT,)
    return MemoryUse(
        way="layers",
        steps=steps,
        buffers=tuple(
            Buffer(names[each.tensor], graph.shapes[each.tensor], each.bytes, each.first, each.last)
            for each in lifetimes(graph, parts, BYTES_PER_ELEMENT)
        ),
        scratch_bytes=(0,) * len(steps),
    )


def engine_memory(graph: Graph, threads: int, isa: InstructionSet) -> MemoryUse:
    """What is alive while each step of the engine runs, and what it allocates for a call.

    A fused block keeps its inner tensors to itself, in scratch. A buffer's bytes are those
    that it takes, gaps between pixels included; a tensor that is needed in two layouts has
    two, and one that a later tensor takes over goes by the first. What is allocated can be
    more than is ever alive: each buffer has a fixed place, and each thread its scratch.

    A batch that the engine computes in pieces (`lithe.engine.programs`) is shown as one
    round of them: as many samples as are computed at once, all of them at the same step,
    which is the most that can be alive; what the caller brings and gets, whole, is there in
    every step where there are several rounds.

    Raises:
        LitheError: an operator that the engine does not have.
    """
    model = simplify(zero_model(graph))
    programs = programs_of(model, isa, threads, packs=False)
    arenas = threads if dealt_pieces(programs.pieces, threads) else 1
    steps = programs.whole.steps
    return MemoryUse(
        way="lithe",
        steps=tuple(step.label or step.kernel.name for step in steps),
        buffers=(
            *_callers(programs, arenas, graph),
            *_planned(programs.whole, arenas, graph, model.graph),
        ),
        scratch_bytes=tuple(
            step.kernel.scratch_bytes * (threads if arenas > 1 else min(threads, step.units))
            for step in steps
        ),
        allocated_bytes=programs.activation_bytes(threads),
    )


def largest_tensors(by_layers: MemoryUse, by_engine: MemoryUse | None) -> tuple[LargestTensor, ...]:
    """Table 3 of the V2 paper for any network: the largest tensor of each height and width.

    The first of them is the one with the most pixels. What the network is given is left
    out. In bytes of fp32 and for the whole batch; the paper's are half of that, 16 bits.
    """
    every = _largest(by_layers)
    fused = _largest(by_engine) if by_engine else {}
    return tuple(
        LargestTensor(side, every[side], fused.get(side))
        for side in sorted(every, key=lambda side: (-prod(side), side))
    )


def _largest(use: MemoryUse) -> dict[tuple[int, int], Buffer]:
    made = {each: each.shape for each in use.buffers if each.shape and each.name != INPUT}
    return largest_at_each_size(made)


def _names(graph: Graph) -> dict[str, str]:
    """The path of the layer that makes each tensor, `input` for what the network is given."""
    made = {node.output: layer.path for layer in layers(graph) for node in layer.nodes}
    return dict.fromkeys(graph.inputs, INPUT) | made


def _callers(programs: Programs, arenas: int, graph: Graph) -> list[Buffer]:
    """What the caller brings and gets: until it was read, and from when it is written."""
    steps = programs.whole.steps
    reach: dict[Input | Output, list[int]] = {}
    for index, step in enumerate(steps):
        for place in step.args:
            if isinstance(place, Input | Output):
                reach.setdefault(place, []).append(index)
    names, last = _names(graph), max(len(steps) - 1, 0)
    again = programs.pieces > arenas  # the first piece of the next round begins at step 0
    buffers = []
    for index, tensor in enumerate(graph.inputs):
        read = reach.get(Input(index), [0])[-1]
        buffers.append(_buffer(INPUT, graph.shapes[tensor], 0, last if again else read))
    for index, tensor in enumerate(graph.outputs):
        written = reach.get(Output(index), [last])[0]
        begin = 0 if again else written
        buffers.append(_buffer(names[tensor], graph.shapes[tensor], begin, last))
    return buffers


def _buffer(name: str, shape: Shape, first: int, last: int) -> Buffer:
    return Buffer(name, shape, prod(shape) * BYTES_PER_ELEMENT, first, last)


def _planned(program: Program, arenas: int, graph: Graph, simplified: Graph) -> list[Buffer]:
    """The buffers of the arenas, as one where every thread has its own."""
    names = _names(graph)
    # In pieces, a buffer holds fewer samples than the tensor that the network has.
    whole, piece = simplified.shapes[simplified.inputs[0]], program.inputs[0]
    shapes = {**graph.shapes, **simplified.shapes}
    samples = whole[:1] if whole == piece else (arenas * piece[0],)
    buffers = []
    for buffer, (first, last) in live_ranges(program).items():
        tensor = _known(buffer, shapes)
        shape = (*samples, *shapes[tensor][1:]) if tensor else ()
        name = names.get(_known(buffer, names), buffer)
        buffers.append(Buffer(name, shape, arenas * program.buffers[buffer], first, last))
    return buffers


def _known(buffer: str, known: Mapping[str, object]) -> str:
    """The tensor that a buffer is named after: `v3:nhwc` is v3 in another layout."""
    while buffer not in known and buffer:
        buffer = buffer.rpartition(":")[0]
    return buffer
