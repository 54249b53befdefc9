"""Weights in and out under the names that timm and torchvision give them."""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

from lithe.arch import Architecture, Block, Conv, DepthwiseSeparable, InvertedResidual, unroll
from lithe.errors import LitheError
from lithe.nets.build import Network

Scheme = Literal["timm", "torchvision"]

# What a block is -> (where it is in their network, our module -> theirs). {block} counts all
# blocks from the stem on; {stage} and {repeat} count runs of rows with equal c behind the stem.
TIMM: dict[str, tuple[str, dict[str, str]]] = {
    "stem": ("", {"conv": "conv_stem", "norm": "bn1"}),
    "depthwise_separable": (
        "blocks.{stage}.{repeat}.",
        {
            "depthwise.conv": "conv_dw",
            "depthwise.norm": "bn1",
            "pointwise.conv": "conv_pw",
            "pointwise.norm": "bn2",
        },
    ),
    "inverted_residual": (
        "blocks.{stage}.{repeat}.",
        {
            "expand.conv": "conv_pw",
            "expand.norm": "bn1",
            "depthwise.conv": "conv_dw",
            "depthwise.norm": "bn2",
            "project.conv": "conv_pwl",
            "project.norm": "bn3",
        },
    ),
    "unexpanded": (  # t = 1: a depthwise separable block with a linear pointwise convolution
        "blocks.{stage}.{repeat}.",
        {
            "depthwise.conv": "conv_dw",
            "depthwise.norm": "bn1",
            "project.conv": "conv_pw",
            "project.norm": "bn2",
        },
    ),
    "head": ("", {"conv": "conv_head", "norm": "bn2"}),
    "classifier": ("", {"classifier": "classifier"}),
}
TORCHVISION: dict[str, tuple[str, dict[str, str]]] = {
    "stem": ("features.{block}.", {"conv": "0", "norm": "1"}),
    "inverted_residual": (
        "features.{block}.conv.",
        {
            "expand.conv": "0.0",
            "expand.norm": "0.1",
            "depthwise.conv": "1.0",
            "depthwise.norm": "1.1",
            "project.conv": "2",
            "project.norm": "3",
        },
    ),
    "unexpanded": (
        "features.{block}.conv.",
        {
            "depthwise.conv": "0.0",
            "depthwise.norm": "0.1",
            "project.conv": "1",
            "project.norm": "2",
        },
    ),
    "head": ("features.{block}.", {"conv": "0", "norm": "1"}),
    "classifier": ("classifier.", {"classifier": "1"}),
}
SCHEMES: dict[Scheme, dict[str, tuple[str, dict[str, str]]]] = {
    "timm": TIMM,
    "torchvision": TORCHVISION,
}

_COUNTER = "num_batches_tracked"  # of batch norm; old checkpoints have none, no inference reads it
_NORM = ("weight", "bias", "running_mean", "running_var", _COUNTER)


def names(arch: Architecture, scheme: Scheme) -> dict[str, str]:
    """Our name of every weight and buffer of a table's network -> the scheme's name.

    Width, resolution, classes and input channels change no name. In order of processing.

    Raises:
        LitheError: the scheme has no counterpart of a row, or not with its switches.

    >>> from lithe.arch import architecture
    >>> names(architecture("mobilenet_v2"), "timm")["blocks.2.expand.conv.weight"]
    'blocks.1.0.conv_pw.weight'
    """
    parts, table = SCHEMES[scheme], dict[str, str]()
    blocks = unroll(arch)
    for block in blocks:
        if block.activation != "relu6":
            raise LitheError(
                f"{scheme} has {arch.name} with relu6 only, not with {block.activation}"
            )
    stage, repeat = -1, 0
    for index, block in enumerate(blocks):
        kind = _kind(block, index, len(blocks))
        if kind not in parts:
            what = type(block.row).__name__ + " with squeeze-and-excite" * (block.c_squeezed > 0)
            raise LitheError(
                f"{scheme} has no counterpart of row {block.row_index} of {arch.name} "
                f"({what}); weights go in and out of plain MobileNets"
            )
        if index > 0:
            new = index == 1 or block.row.c != blocks[index - 1].row.c
            stage, repeat = (stage + 1, 0) if new else (stage, repeat + 1)
        path, modules = parts[kind]
        path = path.format(block=index, stage=stage, repeat=repeat)
        for ours, theirs in modules.items():
            for leaf in _NORM if ours.endswith("norm") else ("weight",):
                table[f"blocks.{index}.{ours}.{leaf}"] = f"{path}{theirs}.{leaf}"
    path, modules = parts["classifier"]
    for ours, theirs in modules.items():
        for leaf in ("weight", "bias"):
            table[f"{ours}.{leaf}"] = f"{path}{theirs}.{leaf}"
    return table


def _kind(block: Block, index: int, count: int) -> str:
    if block.c_squeezed:
        return "other"
    match block.row:
        case Conv() if index == 0:
            return "stem"
        case Conv(k=1) if index == count - 1:
            return "head"
        case DepthwiseSeparable():
            return "depthwise_separable"
        case InvertedResidual(linear=True, shortcut="bottleneck") as row:
            return "unexpanded" if row.t == 1 else "inverted_residual"
    return "other"


def load_weights(network: Network, state_dict: Mapping[str, Tensor], scheme: Scheme) -> None:
    """Copy weights that carry the scheme's names into a network, all of them or none.

    The values are converted to the network's type and device. Batch norm's count of batches
    may be missing, and then becomes 0.

    Raises:
        LitheError: names missing or left over, shapes that differ (both are shown), or a
            table that the scheme has no names for.
    """
    table, own = names(network.arch, scheme), network.state_dict()
    problems = []
    missing = [n for n in table.values() if n not in state_dict and not n.endswith(_COUNTER)]
    if missing:
        problems.append(f"missing: {_some(missing)}")
    unexpected = sorted(state_dict.keys() - set(table.values()))
    if unexpected:
        problems.append(f"unexpected: {_some(unexpected)}")
    differing = [
        f"{theirs} is {list(state_dict[theirs].shape)}, {ours} is {list(own[ours].shape)}"
        for ours, theirs in table.items()
        if theirs in state_dict and state_dict[theirs].shape != own[ours].shape
    ]
    if differing:
        problems.append(f"other shapes: {_some(differing)}")
    if problems:
        raise LitheError(
            f"the {scheme} weights do not fit {network.arch.label} with {network.arch.num_classes} "
            f"classes and {network.arch.in_channels} input channels; {'; '.join(problems)}"
        )
    with torch.no_grad():
        for ours, theirs in table.items():
            if theirs in state_dict:
                own[ours].copy_(state_dict[theirs])
            else:
                own[ours].zero_()


def _some(items: list[str]) -> str:
    rest = len(items) - 3
    return ", ".join(items[:3]) + (f" and {rest} more" if rest > 0 else "")


def export_weights(network: Network, scheme: Scheme) -> dict[str, Tensor]:
    """A copy of every weight and buffer under the scheme's names, as their network loads it.

    Their network pads and strides as the paper does, so with a table whose early strides
    were taken out (see `lithe.arch.strides`) the same weights give other logits there.

    Raises:
        LitheError: the scheme has no names for the network's table.
    """
    own = network.state_dict()
    return {
        theirs: own[ours].detach().clone() for ours, theirs in names(network.arch, scheme).items()
    }
