"""Weights from a trained neighbour: a network begins where one like it has arrived."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lithe.arch import Architecture, Block, unroll
from lithe.arch.rows import InvertedResidual
from lithe.nets.build import Network
from lithe.nets.origins import Origin, in_order, new, strongest, take, written_scales

# The channels on a tensor's axes by the module that holds it: those that its block reads, has
# in its middle or in its squeeze, writes; a depthwise filter reads one.
AXES: dict[str, tuple[str, ...]] = {
    "conv": ("written", "read"),
    "norm": ("written",),
    "expand.conv": ("middle", "read"),
    "expand.norm": ("middle",),
    "depthwise.conv": ("middle", "one"),
    "depthwise.norm": ("middle",),
    "squeeze.reduce": ("squeezed", "middle"),
    "squeeze.expand": ("middle", "squeezed"),
    "project.conv": ("written", "middle"),
    "project.norm": ("written",),
    "pointwise.conv": ("written", "middle"),
    "pointwise.norm": ("written",),
}


@dataclass(frozen=True, slots=True)
class Inherited:
    """How many of a network's parameters were its parent's."""

    params: int
    of: int

    @property
    def share(self) -> float:
        """0: none was; 1: all were."""
        return self.params / self.of


@torch.no_grad()
def inherit(child: Network, parent: Architecture, weights: Mapping[str, Tensor]) -> Inherited:
    """Copy into a freshly drawn network, in place, what a trained neighbour has of it.

    `weights` are tensors by the names of `build(parent).state_dict()`. Blocks correspond
    where row, repeat and kind are the same.

    - *Channels:* a narrower child keeps those that the parent's batch norms scale most, a
      wider one all. Its other channels stay as drawn, but add nothing to an inherited one yet.
    - *Kernels:* the centre of a larger one; a smaller one with zeros around it.
    - *Depth:* a block that the parent lacks stays as drawn; where its input is added to its
      output, the scale of its last batch norm becomes zero, so that it begins as identity.
    - *Squeeze-and-excite* that the parent lacks begins with the factor 1/2 for all channels,
      where it changes most readily; the statistics of the batch norm behind make up for it.

    So a child that its parent is a part of computes at first what the parent computes, where
    resolution and activations are the same and all further blocks add their input. Of
    another family little more than the stem fits.
    """
    theirs = unroll(parent)
    places = _places(theirs)
    scales = written_scales(theirs, weights)
    read = in_order(child.arch.in_channels, parent.in_channels)
    copied = 0
    blocks = unroll(child.arch)
    for place, block, module in zip(_places(blocks), blocks, child.blocks, strict=True):
        match = _match(place, block, places, theirs)
        if match is None:
            read = _begin(module, block, read)
            continue
        prefix = f"blocks.{match}."
        written = strongest(scales[match], block.c_out)
        origins = {
            "read": read,
            "middle": _middle(block, read, written, prefix, weights),
            "squeezed": in_order(block.c_squeezed, theirs[match].c_squeezed),
            "written": written,
            "one": torch.tensor([0]),
        }
        copied += _copy(module, prefix, weights, origins)
        if block.c_squeezed and not theirs[match].c_squeezed:
            _begin_squeeze(module)
        read = written
    if child.arch.num_classes == parent.num_classes:
        classes = torch.arange(parent.num_classes)
        if taken := take(child.classifier.weight, weights["classifier.weight"], (classes, read)):
            copied += taken + take(child.classifier.bias, weights["classifier.bias"], (classes,))
    return Inherited(copied, sum(parameter.numel() for parameter in child.parameters()))


Place = tuple[int, int]  # row and repeat


def _places(blocks: Sequence[Block]) -> list[Place]:
    rows = [block.row_index for block in blocks]
    return [(row, rows[:index].count(row)) for index, row in enumerate(rows)]


def _match(
    place: Place, block: Block, places: Sequence[Place], theirs: Sequence[Block]
) -> int | None:
    """The parent's block at that place, if it is of the same kind."""
    if place not in places:
        return None
    match = places.index(place)
    return match if _kind(theirs[match]) == _kind(block) else None


def _kind(block: Block) -> tuple[type, bool]:
    return type(block.row), block.c_expanded > block.c_in


def _middle(
    block: Block, read: Origin, written: Origin, prefix: str, weights: Mapping[str, Tensor]
) -> Origin:
    """Channels between expansion and projection; without expansion they are those read."""
    if block.c_expanded == block.c_in:
        return read if f"{prefix}depthwise.norm.weight" in weights else written
    norm = "depthwise.norm" if isinstance(block.row, InvertedResidual) else "expand.norm"
    return strongest(weights[f"{prefix}{norm}.weight"].abs(), block.c_expanded)


def _copy(
    module: nn.Module, prefix: str, weights: Mapping[str, Tensor], origins: Mapping[str, Origin]
) -> int:
    """One block's tensors, batch norm's statistics among them; counts the parameters only."""
    copied = 0
    parameters = dict(module.named_parameters())
    for name, tensor in (parameters | dict(module.named_buffers())).items():
        source = weights.get(prefix + name)  # None: of a squeeze that the parent lacks
        if source is None or not tensor.ndim:  # the number of batches is no statistic
            continue
        axes = AXES[name.rpartition(".")[0]][: tensor.ndim]
        taken = take(tensor, source, [origins[axis] for axis in axes])
        copied += taken if name in parameters else 0
    return copied


def _begin(module: nn.Module, block: Block, read: Origin) -> Origin:
    """A block without a counterpart: identity where it can be; the origin of what it writes."""
    if not block.adds_input:
        return new(block.c_out)
    nn.init.zeros_(_last_norm(module).weight)
    return read


def _begin_squeeze(module: nn.Module) -> None:
    expand = module.get_submodule("squeeze.expand")
    for parameter in expand.parameters():
        nn.init.zeros_(parameter)
    norm = _last_norm(module)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean *= 0.5
    norm.running_var *= 0.25


def _last_norm(module: nn.Module) -> nn.BatchNorm2d:
    return [m for m in module.modules() if isinstance(m, nn.BatchNorm2d)][-1]
