"""Which calls of a program the engine can run, and why PyTorch has to run each of the others."""

import operator
from collections import Counter

import torch
from torch import Tensor, fx
from torch.fx import Node as FxNode

from lithe.engine.lower.lower import is_known
from lithe.graph.aten import reads_first
from lithe.graph.fx import arguments, flat
from lithe.graph.overwriting import storages
from lithe.graph.part import understood

# The engine computes in float32; halves are no worse for it, float64 would be.
TYPES = (torch.float32, torch.float16, torch.bfloat16)


def reasons_for_pytorch(program: fx.GraphModule) -> dict[FxNode, str]:
    """Why PyTorch has to run each call; "" where the engine can."""
    nodes = list(program.graph.nodes)
    known = {node.name for node in nodes if node.op == "get_attr"}
    shared = _shared_memory(program)
    reasons: dict[FxNode, str] = {}
    for node in nodes:
        if node.op == "call_function":
            reasons[node] = _reason(node, known, shared)
    for node in reversed(nodes):  # a call and what picks from it go together
        if node.target is operator.getitem:
            whole = arguments(node)[0]
            reasons[whole] = reasons[whole] or reasons[node]
    for node in nodes:
        if node.target is operator.getitem:
            reasons[node] = reasons[node] or reasons[arguments(node)[0]]
    return reasons


def _reason(node: FxNode, known: set[str], shared: set[int]) -> str:
    if not _has_kernels(node, known):
        return "no kernel"
    read = [each for each in arguments(node) if each.name not in known]
    for value in [value for each in (node, *read) for value in _values(each)]:
        if not isinstance(value, Tensor):
            return "a value that is no tensor"
        if value.dtype not in TYPES:
            return f"computes with {value.dtype}"
        if value.device.type != "cpu" or value.layout is not torch.strided:
            return f"a tensor of {value.layout} on {value.device}"
        if not all(type(size) is int and size > 0 for size in value.shape):
            return f"a tensor of shape {tuple(value.shape)}"
    if not shared.isdisjoint(storages(node)) and _is_view(node):
        return "an output that shares memory with another one or with an input"
    return ""


def _has_kernels(node: FxNode, known: set[str]) -> bool:
    ops = understood(node, known)
    return ops is not None and all(map(is_known, ops))


def _values(node: FxNode) -> list[object]:
    """What a call makes, without tensors that nobody reads."""
    values = flat(node.meta.get("val"))
    return values[:1] if reads_first(node) else values


def _shared_memory(program: fx.GraphModule) -> set[int]:
    """Memory in which two of the inputs and outputs of a program lie."""
    held: Counter[int] = Counter()
    for node in program.graph.nodes:
        if node.op == "placeholder":
            held.update(storages(node))
        elif node.op == "output":
            for value in dict.fromkeys(arguments(node)):
                held.update(storages(value) if value.op == "call_function" else ())
    return {storage for storage, count in held.items() if count > 1}


def _is_view(node: FxNode) -> bool:
    return any(not storages(node).isdisjoint(storages(value)) for value in arguments(node))
