"""Fused blocks: expansion, depthwise and projection as one step or two.

A grouper looks at the node in hand and those after it. Which schedule a block gets is
decided by its sizes; the reason is kept beside the choice.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod

from lithe.engine.kernels.rolling import Rolling, rolling_kernel
from lithe.engine.kernels.sliced import Sliced, sliced_kernel
from lithe.engine.lower.context import Lowering
from lithe.engine.lower.conv import source_of
from lithe.engine.lower.convolution import (
    Convolution,
    convolution_of,
    depthwise_of,
    macs_of,
    packed,
    packed_depthwise,
    row_of,
    window_of,
)

# A slice of expanded channels this large is still read from the first two cache levels.
_SLICE_BYTES = 64 * 1024
# Projection weights beyond this are not read again for every row.
_ROW_WEIGHT_BYTES = 512 * 1024
# A ring beyond this leaves the second-level cache.
_RING_BYTES = 768 * 1024
# Two vectors of channels keep a panel's ring in the first-level cache, see docs/decisions.
_RING_VECTORS = 2


@dataclass(frozen=True, slots=True)
class Block:
    """Up to three convolutions in a row, each the only reader of the one before."""

    depthwise: Convolution
    expand: Convolution | None = None
    project: Convolution | None = None

    @property
    def parts(self) -> tuple[Convolution, ...]:
        """In the order of the graph."""
        return tuple(part for part in (self.expand, self.depthwise, self.project) if part)


def fuse_block(ctx: Lowering, index: int) -> int:
    """Lower a block that begins at node `index`; how many nodes it took, 0 if none begins."""
    block = block_at(ctx, index)
    return fuse_as(ctx, block, *choose_schedule(ctx, block)) if block else 0


def fuse_with(schedule: str) -> Callable[[Lowering, int], int]:
    """A grouper that gives this schedule to every block that it is possible for."""

    def fuse(ctx: Lowering, index: int) -> int:
        block = block_at(ctx, index)
        if block is None or schedule not in possible_schedules(block):
            return 0
        return fuse_as(ctx, block, schedule, "asked for")

    return fuse


def possible_schedules(block: Block) -> tuple[str, ...]:
    """The schedules that a block can have, whatever they cost."""
    if block.expand and block.expand.is_pointwise:
        return ("rolling", "sliced", "apart")
    return ("rolling", "apart")


def fuse_as(ctx: Lowering, block: Block, schedule: str, reason: str) -> int:
    """Lower a block by a schedule; how many nodes that took. The reason goes into the notes."""
    if schedule == "apart":
        return 0
    if schedule == "sliced":
        # The projection is left: before another depthwise it is the expansion of a slice itself.
        block = replace(block, project=None)
        _slice(ctx, block)
    else:
        _roll(ctx, block)
    ctx.note(f"{block.parts[-1].node.path}: {schedule}, {reason}")
    return len(block.parts)


def block_at(ctx: Lowering, index: int) -> Block | None:
    """The longest block that begins here."""
    nodes = ctx.nodes(index, 3)
    parts: list[Convolution] = []
    for node in nodes:
        part = convolution_of(ctx, node)
        if part is None:
            break
        if parts and not (
            part.source == parts[-1].node.output and ctx.only_reader(parts[-1].node.output)
        ):
            break
        parts.append(part)
    if parts and parts[0].is_depthwise:
        if len(parts) > 1 and _can_project(parts[1]) and not parts[0].residual:
            return Block(parts[0], project=parts[1])
        return None
    if len(parts) > 1 and _can_expand(ctx, parts[0]) and _can_roll(parts[1]):
        if len(parts) > 2 and _can_project(parts[2]) and not parts[1].residual:
            return Block(parts[1], parts[0], parts[2])
        return Block(parts[1], parts[0]) if not parts[1].residual else None
    return None


def _can_expand(ctx: Lowering, part: Convolution) -> bool:
    is_stem = part.conv.groups == 1 and part.conv.c_in <= 4
    return (part.is_pointwise or is_stem) and not part.residual


def _can_roll(part: Convolution) -> bool:
    return part.is_depthwise and part.conv.dilation == (1, 1)


def _can_project(part: Convolution) -> bool:
    return part.is_pointwise


def choose_schedule(ctx: Lowering, block: Block) -> tuple[str, str]:
    """("rolling", "sliced" or "apart", why)."""
    shapes = ctx.model.graph.shapes
    _, c, h, w = shapes[block.depthwise.source]
    image_bytes = 4 * h * w * _RING_VECTORS * ctx.isa.lanes
    ring_bytes = 4 * block.depthwise.conv.kernel[0] * w * c
    project_bytes = block.project.weight_bytes if block.project else 0
    width_out = shapes[block.depthwise.node.output][3]
    if block.expand and block.expand.is_pointwise and image_bytes <= _SLICE_BYTES:
        return "sliced", f"a slice of the expanded image takes {image_bytes} bytes"
    if project_bytes > _ROW_WEIGHT_BYTES and width_out <= 14:
        return "apart", f"{project_bytes} bytes of weights for rows of {width_out} pixels"
    if not block.expand:
        return "rolling", f"rows of {4 * width_out * c} bytes between depthwise and pointwise"
    if ring_bytes > _RING_BYTES:
        return "apart", f"a ring would take {ring_bytes} bytes"
    return "rolling", f"the ring takes {ring_bytes} bytes"


def _roll(ctx: Lowering, block: Block) -> None:
    first, last = block.parts[0], block.parts[-1]
    x = source_of(ctx, first) if block.expand else ctx.nhwc(first.source)
    residual = ctx.nhwc(last.residual) if last.residual else None
    out = ctx.new(last.node.output)
    residual_pitch = residual.pitch if residual else 0
    width, height = out.shape[3], out.shape[2]
    inner = x
    places = [x.place]
    expand = below = project = None
    if block.expand:
        inner = ctx.inside(block.expand.node.output)
        expand = row_of(
            ctx.isa, block.expand, x, inner.shape[3], inner.pitch, most_vectors=_RING_VECTORS
        )
        below = window_of(block.expand.conv, x, inner.shape[2])
        places += packed(ctx, block.expand, expand)
    c = block.depthwise.conv.c_out
    row = depthwise_of(
        block.depthwise,
        inner,
        width,
        c if block.project else out.pitch,
        0 if block.project else residual_pitch,
    )
    places.append(packed_depthwise(ctx, block.depthwise))
    if block.project:
        line = ctx.inside(block.depthwise.node.output)
        project = row_of(ctx.isa, block.project, line, width, out.pitch, residual_pitch)
        places += packed(ctx, block.project, project)
    window = window_of(block.depthwise.conv, inner, height)
    work = Rolling(x.shape[0], window, row, expand, below, project)
    kernel, units = rolling_kernel(ctx.isa, work)
    places.append(out.place)
    if residual:
        places.append(residual.place)
    ctx.step(kernel, tuple(places), units, last.node.path, macs_of(ctx, *block.parts))


def _slice(ctx: Lowering, block: Block) -> None:
    assert block.expand is not None
    x = ctx.nhwc(block.expand.source)
    inner = ctx.inside(block.expand.node.output)
    out = ctx.new(block.depthwise.node.output)
    pixels = prod(inner.shape[2:])
    expand = row_of(ctx.isa, block.expand, x, pixels, inner.pitch, most_vectors=3, prefetch=True)
    row = depthwise_of(block.depthwise, inner, out.shape[3], out.pitch)
    window = window_of(block.depthwise.conv, inner, out.shape[2])
    kernel, units = sliced_kernel(ctx.isa, Sliced(x.shape[0], window, expand, row))
    taps = packed_depthwise(ctx, block.depthwise)
    places = (x.place, *packed(ctx, block.expand, expand), taps, out.place)
    macs = macs_of(ctx, block.expand, block.depthwise)
    ctx.step(kernel, places, units, block.depthwise.node.path, macs)
