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
    conv_step,
    convolution_of,
    depthwise_of,
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
# A slice is a panel of at most so many.
_SLICE_VECTORS = 3


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
        ctx.note(f"{block.parts[0].node.path}: {schedule}, {reason}")
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
    """The longest block that begins here.

    A pointwise convolution before a depthwise one belongs to that, as its expansion: where
    the depthwise strides, as in MobileNetV1, its output is a quarter of what lies between.
    """
    chain = _chain(ctx, index)
    if len(chain) > 1 and _leads_on(ctx, index + len(chain) - 1, chain[-1]):
        chain = chain[:-1]
    match chain:
        case [expand, depthwise, *rest] if _can_expand(expand) and _can_roll(depthwise):
            project = rest[0] if rest and _can_project(depthwise, rest[0]) else None
            return None if depthwise.residual else Block(depthwise, expand, project)
        case [depthwise, project, *_] if depthwise.is_depthwise:
            return Block(depthwise, project=project) if _can_project(depthwise, project) else None
    return None


def _chain(ctx: Lowering, index: int) -> list[Convolution]:
    """Up to three convolutions from `index` on, each the only reader of the one before."""
    parts: list[Convolution] = []
    for node in ctx.nodes(index, 3):
        part = convolution_of(ctx, node)
        if part is None or (parts and not _reads_alone(ctx, part, parts[-1])):
            break
        parts.append(part)
    return parts


def _reads_alone(ctx: Lowering, part: Convolution, before: Convolution) -> bool:
    # A node may read a tensor twice: convolve it, and add it to the outcome.
    return part.residual != part.source == before.node.output and ctx.only_reader(part.source)


def _leads_on(ctx: Lowering, index: int, part: Convolution) -> bool:
    """A pointwise convolution whose only reader, a depthwise one, comes next."""
    if not _can_expand(part):
        return False
    following = [convolution_of(ctx, node) for node in ctx.nodes(index + 1, 1)]
    return any(
        after and _can_roll(after) and not after.residual and _reads_alone(ctx, after, part)
        for after in following
    )


def _can_expand(part: Convolution) -> bool:
    is_stem = part.conv.groups == 1 and part.conv.c_in <= 4
    return (part.is_pointwise or is_stem) and not part.residual


def _can_roll(part: Convolution) -> bool:
    return part.is_depthwise and part.conv.dilation == (1, 1)


def _can_project(depthwise: Convolution, part: Convolution) -> bool:
    return part.is_pointwise and not depthwise.residual


def choose_schedule(ctx: Lowering, block: Block) -> tuple[str, str]:
    """("rolling", "sliced" or "apart", why)."""
    shapes = ctx.model.graph.shapes
    _, c, h, w = shapes[block.depthwise.source]
    image_bytes = 4 * h * w * _SLICE_VECTORS * ctx.isa.lanes
    ring_bytes = 4 * block.depthwise.conv.kernel[0] * w * c
    project_bytes = block.project.weight_bytes if block.project else 0
    width_out = shapes[block.depthwise.node.output][3]
    if block.expand and block.expand.is_pointwise and image_bytes <= _SLICE_BYTES:
        return "sliced", f"a slice of the expanded image takes at most {image_bytes} bytes"
    if project_bytes > _ROW_WEIGHT_BYTES and width_out <= 14:
        return "apart", f"{project_bytes} bytes of weights for rows of {width_out} pixels"
    if not block.expand:
        return "rolling", f"rows of {4 * width_out * c} bytes between depthwise and pointwise"
    if ring_bytes > _RING_BYTES:
        return "apart", f"a ring would take {ring_bytes} bytes"
    return "rolling", f"the ring takes about {ring_bytes} bytes"


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
    conv_step(ctx, rolling_kernel(ctx.isa, work), places, (out, residual), *block.parts)


def _slice(ctx: Lowering, block: Block) -> None:
    assert block.expand is not None
    x = ctx.nhwc(block.expand.source)
    inner = ctx.inside(block.expand.node.output)
    out = ctx.new(block.depthwise.node.output)
    pixels = prod(inner.shape[2:])
    expand = row_of(
        ctx.isa, block.expand, x, pixels, inner.pitch, most_vectors=_SLICE_VECTORS, prefetch=True
    )
    row = depthwise_of(block.depthwise, inner, out.shape[3], out.pitch)
    window = window_of(block.depthwise.conv, inner, out.shape[2])
    made = sliced_kernel(ctx.isa, Sliced(x.shape[0], window, expand, row))
    taps = packed_depthwise(ctx, block.depthwise)
    places = (x.place, *packed(ctx, block.expand, expand), taps)
    conv_step(ctx, made, places, (out, None), block.expand, block.depthwise)
