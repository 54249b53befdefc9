"""A graph of `torch.compile` as a program of aten calls with its weights inside."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.fx import Node as FxNode

from lithe.errors import LitheError
from lithe.graph.capture import quietly
from lithe.graph.like import without_likenesses
from lithe.graph.overwriting import without_overwriting
from lithe.graph.varying import changed_inputs, varying_calls


class Inputs:
    """What the inputs of a graph are: weights, numbers, and what differs from call to call."""

    def __init__(self, gm: fx.GraphModule) -> None:
        places = list(enumerate(gm.graph.find_nodes(op="placeholder")))
        self.numbers = tuple(index for index, node in places if _is_number(node))
        self.weights = tuple(index for index, node in places if _is_weight(node))
        fixed = set(self.weights)
        self.varying = tuple(index for index, _ in places if index not in fixed)


def program_of(gm: fx.GraphModule, inputs: Inputs, args: Sequence[Any]) -> fx.GraphModule:
    """The calls of a graph for arguments like these; its inputs are those that vary.

    Raises:
        LitheError: it writes to what it is given, or switches a mode such as autocast.
    """
    calls = _specialized(gm, {index: args[index] for index in inputs.numbers})
    held = _Held(calls, {index: args[index] for index in inputs.weights})
    given = tuple(args[index] for index in inputs.varying)
    # Outside of inference mode, as its tensors cannot be traced.
    with torch.inference_mode(False), torch.no_grad(), quietly():
        with fx.traceback.preserve_node_meta():
            program = torch.export.export(held, given, strict=False)
        changed = changed_inputs(program)
        program = without_likenesses(without_overwriting(program))
        if changed or changed_inputs(program):
            raise LitheError("it writes to its inputs or buffers, as in training")
        if any(node.op == "get_attr" for node in program.graph.nodes):
            raise LitheError("autocast or another mode is on for some of it")
        return varying_calls(program)


class _Held(nn.Module):
    """A graph that holds its weights: what is left are its inputs."""

    def __init__(self, calls: fx.GraphModule, weights: Mapping[int, Tensor]) -> None:
        super().__init__()
        self._calls = fx.Interpreter(calls)
        self._names = {index: f"weight_{index}" for index in weights}
        for index, weight in weights.items():
            self.register_buffer(self._names[index], weight.detach())

    def forward(self, *given: Any) -> Any:
        rest = iter(given)
        count = len(given) + len(self._names)
        args = [
            getattr(self, self._names[index]) if index in self._names else next(rest)
            for index in range(count)
        ]
        return self._calls.run(*args)


def _specialized(gm: fx.GraphModule, numbers: Mapping[int, Tensor]) -> fx.GraphModule:
    """A copy of a graph for these numbers, and without changes of the gradient mode.

    All of a compiled graph runs without gradients.
    """
    graph = fx.Graph()
    graph.output(graph.graph_copy(gm.graph, {}))
    for index, node in enumerate(graph.find_nodes(op="placeholder")):
        if index in numbers:
            for user in list(node.users):
                user.replace_all_uses_with(numbers[index].item())
                graph.erase_node(user)
    for node in list(graph.nodes):
        if node.target is torch._C._set_grad_enabled:
            graph.erase_node(node)
    return fx.GraphModule(gm, graph)


def _is_number(node: FxNode) -> bool:
    """Whether torch hands a float of the user's in as a tensor, only to ask for it."""
    seen = node.meta.get("example_value")
    scalar = isinstance(seen, Tensor) and seen.ndim == 0 and seen.device.type == "cpu"
    return scalar and bool(node.users) and all(user.target == "item" for user in node.users)


_OF_A_MODULE = re.compile(r"\._(parameters|buffers)\['[^']*'\]$")


def _is_weight(node: FxNode) -> bool:
    """Whether an input of a graph is a parameter, or a buffer of a module, to torch.

    A plain tensor in an attribute is none: it may be what one call leaves for the next.
    """
    seen = node.meta.get("example_value")
    if _is_number(node) or not isinstance(seen, Tensor):
        return False
    name: Any = getattr(getattr(node, "_dynamo_source", None), "name", "")
    name = name() if callable(name) else name  # a method in some versions of torch
    return isinstance(seen, nn.Parameter) or bool(_OF_A_MODULE.search(name))
