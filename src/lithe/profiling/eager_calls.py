"""From a traced module to the calls that it makes."""

import operator
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.fx import Node as FxNode

from lithe.errors import LitheError
from lithe.graph.capture import Traced
from lithe.graph.fx import arguments, module_path
from lithe.graph.torch_constants import Constants
from lithe.profiling.eager_program import Call, EagerProgram, Ref


def eager_program(trace: Traced, weights: Mapping[str, Tensor]) -> EagerProgram:
    """The calls of a traced module, on `weights` (by the module's names) where it has them.

    Raises:
        LitheError: a call that cannot be made by its name alone (a part of the module that
            was traced as a function of its own).
    """
    nodes = list(trace.program.graph.nodes)
    own = Constants(trace.program)
    signature = trace.program.graph_signature
    targets = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    given = set(signature.user_inputs)
    output = next(node for node in nodes if node.op == "output")
    wanted = set(signature.user_outputs)
    returned = tuple(value.name for value in arguments(output) if value.name in wanted)
    last = _last_needed(nodes)
    times = Counter(module_path(node) for node in nodes if node.op == "call_function")
    constants = {}
    calls = []
    ending: dict[str, list[str]] = {}  # values by the call after which nothing holds them
    for value, at in last.items():
        ending.setdefault(at, []).append(value)
    for node in nodes:
        if node.op == "placeholder" and node.name not in given and node.name in last:
            found = weights.get(targets.get(node.name, ""))
            constants[node.name] = own.value(node.name) if found is None else found
        elif node.op == "call_function":
            frees = {*ending.get(node.name, ()), *(() if node.name in last else (node.name,))}
            path = module_path(node)
            alone = path if times[path] == 1 else ""
            calls.append(_call(node, tuple(sorted(frees - constants.keys())), alone))
    inputs = tuple(node.name for node in nodes if node.op == "placeholder" and node.name in given)
    return EagerProgram(tuple(calls), constants, inputs, returned)


def _last_needed(nodes: Sequence[FxNode]) -> dict[str, str]:
    """For each value, the call after which nothing holds it, as when the module runs itself.

    What a module is called with is held by its caller until it returns, although it may have
    read it long before; inside of a module a value goes when it is read for the last time.
    Freed sooner, memory is given back to the system less often, and the calls take less time
    than in the module.
    """
    stacks = [tuple(node.meta.get("nn_module_stack") or ()) for node in nodes]
    made = {node.name: stack for node, stack in zip(nodes, stacks, strict=True)}
    last: dict[str, int] = {}
    for at, node in enumerate(nodes):
        for value in arguments(node):
            called = _entered(made[value.name], stacks[at])
            end = at
            while called and stacks[end + 1][: len(called)] == called:
                end += 1
            last[value.name] = max(last.get(value.name, 0), end)
    return {name: nodes[end].name for name, end in last.items()}


def _entered(maker: tuple[str, ...], reader: tuple[str, ...]) -> tuple[str, ...]:
    """The outermost module around a reader that is not around the maker; () where there is none."""
    for depth, module in enumerate(reader):
        if maker[depth : depth + 1] != (module,):
            return reader[: depth + 1]
    return ()


def _call(node: FxNode, frees: tuple[str, ...], module: str) -> Call:
    if not isinstance(node.target, torch._ops.OpOverload) and node.target is not operator.getitem:
        raise LitheError(f"{node.target} cannot be called by its name")
    args, kwargs = _named(node.args), _named(node.kwargs)
    return Call(node.name, str(node.target), args, kwargs, frees, module)


def _named(value: Any) -> Any:
    """Arguments with the names of the values that they hold."""
    match value:
        case FxNode():
            return Ref(value.name)
        case tuple():
            return tuple(map(_named, value))
        case list():
            return [_named(each) for each in value]
        case dict():
            return {key: _named(each) for key, each in value.items()}
        case _:
            return value
