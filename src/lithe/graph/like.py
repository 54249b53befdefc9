"""Calls that look at a tensor only for its shape or its type: these are known, and written in."""

import torch
from torch import Tensor
from torch.export import ExportedProgram
from torch.fx import Node as FxNode

_SHAPED = {
    torch.ops.aten.expand_as.default: torch.ops.aten.expand.default,
    torch.ops.aten.reshape_as.default: torch.ops.aten.reshape.default,
    torch.ops.aten.view_as.default: torch.ops.aten.view.default,
}


def without_likenesses(program: ExportedProgram) -> ExportedProgram:
    """The same program, in place, with `x.expand_as(y)` as `x.expand(2, 3)`, and so on."""
    changed = False
    for node in program.graph.nodes:
        target = _SHAPED.get(node.target)
        if target is not None and len(node.args) == 2:
            x, like = node.args
            shape = _shape(like)
            if shape is not None:
                node.target, node.args, changed = target, (x, shape), True
        elif node.target is torch.ops.aten.type_as.default and len(node.args) == 2:
            x, like = node.args
            held = like.meta.get("val")
            if isinstance(held, Tensor):
                node.target, node.args = torch.ops.aten.to.dtype, (x, held.dtype)
                changed = True
    if changed:
        program.graph_module.recompile()
    return program


def _shape(node: FxNode) -> list[int] | None:
    value = node.meta.get("val")
    if not isinstance(value, Tensor) or not all(type(size) is int for size in value.shape):
        return None
    return list(value.shape)
