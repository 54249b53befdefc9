"""Which channels of a trained network another one takes over, and how they are copied."""

from collections.abc import Mapping, Sequence
from math import prod

import torch
from torch import Tensor, nn

from lithe.arch import Block

# For each channel of the child the channel of the parent that it was, or NEW.
Origin = Tensor
NEW = -1

# A block's last batch norm: the first of these that it has.
LAST_NORMS = ("project.norm", "pointwise.norm", "expand.norm", "norm")


def new(channels: int) -> Origin:
    """Channels that nobody had."""
    return torch.full((channels,), NEW)


def in_order(channels: int, theirs: int) -> Origin:
    """As many of the parent's channels as fit, from the first on: of an image, say."""
    origin = torch.arange(channels)
    return torch.where(origin < theirs, origin, NEW)


def strongest(scales: Tensor, channels: int) -> Origin:
    """As many of the parent's channels as fit, those with the largest scales, in their order."""
    count = min(channels, len(scales))
    kept = scales.argsort(descending=True, stable=True)[:count].sort().values
    return torch.cat([kept, new(channels - count)])


def written_scales(blocks: Sequence[Block], weights: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
    """For each block how much batch norm scales each channel that it writes.

    Blocks that add their input write the same channels as the block before them, so one
    choice of channels has to hold for all of these: their scales are added up.
    """
    totals: list[Tensor] = []
    begins: list[int] = []  # for each block the first that writes its channels
    for index, block in enumerate(blocks):
        names = (f"blocks.{index}.{name}.weight" for name in LAST_NORMS)
        scale = next(weights[name] for name in names if name in weights).detach().cpu().abs()
        joins = block.adds_input and index > 0
        begins.append(begins[-1] if joins else index)
        totals.append(totals[-1] + scale if joins else scale)
    last = {begin: index for index, begin in enumerate(begins)}
    return tuple(totals[last[begin]] for begin in begins)


def take(target: Tensor, source: Tensor, origins: Sequence[Origin]) -> int:
    """Copy, in place, what has an origin on each of one or two axes of channels.

    Behind these may come a kernel's axes: its centre is copied, and zero is what lies around
    it. Zero is also what a new channel that is read adds to an inherited one that is
    written. Returns how many elements were copied.
    """
    mine = [(origin != NEW).nonzero().flatten() for origin in origins]
    if any(len(kept) == 0 for kept in mine):
        return 0
    for axis, origin in enumerate(origins):
        source = source.index_select(axis, origin[origin != NEW])
    kernel = tuple(zip(target.shape[len(origins) :], source.shape[len(origins) :], strict=True))
    margins = [(size - other) // 2 for size, other in reversed(kernel) for _ in range(2)]
    if margins:
        source = nn.functional.pad(source, margins)  # a negative margin is cut off
    inherited = torch.zeros_like(target[mine[0]])
    if len(origins) == 2:
        inherited[:, mine[1]] = source.to(target)
    else:
        inherited[:] = source.to(target)
    target[mine[0]] = inherited
    return prod(len(kept) for kept in mine) * prod(min(sizes) for sizes in kernel)
