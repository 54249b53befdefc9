"""The calls of a traced program, one after the other, as nodes of a graph."""

import operator
from collections.abc import Collection
from dataclasses import dataclass, field

from torch import Tensor
from torch.fx import Node as FxNode

from lithe.graph.aten import Filled, call_of, piece_of, reads_first
from lithe.graph.aten_rules import SPLITS
from lithe.graph.fx import arguments, flat, module_path, source_line
from lithe.graph.graph import GraphBuilder
from lithe.graph.ops import Op, Shape


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that does not depend on the input: its name here and the weights in it."""

    name: str
    shape: Shape
    params: dict[str, Shape] = field(default_factory=dict)
    buffers: dict[str, Shape] = field(default_factory=dict)


@dataclass(slots=True)
class Translation:
    """A graph under construction and what torch's names stand for in it."""

    builder: GraphBuilder = field(default_factory=GraphBuilder)
    names: dict[str, str] = field(default_factory=dict)  # of values that depend on the input
    known: dict[str, Constant] = field(default_factory=dict)  # of all other values
    filled: dict[str, Filled] = field(default_factory=dict)
    made: dict[str, tuple[str, ...]] = field(default_factory=dict)  # tensors, by torch's name


def add_call(node: FxNode, state: Translation) -> None:
    """Append what a call does to the graph, or to the constants if no input has a part in it."""
    if node.meta.get("val") is None:
        return  # an assertion or a change of mode: no value
    read = arguments(node)
    inputs = tuple(state.names[value.name] for value in read if value.name in state.names)
    params: dict[str, Shape] = {}
    buffers: dict[str, Shape] = {}
    for value in read:
        if value.name in state.known:
            params.update(state.known[value.name].params)
            buffers.update(state.known[value.name].buffers)
    if not inputs:
        # torch's names hold no colon, so this one is taken by no weight.
        name = f"derived:{node.name}"
        state.known[node.name] = Constant(name, shape_or_none(node), params, buffers)
        return
    if _is_name(node):
        state.names[node.name] = inputs[0]  # each piece that is used becomes a view of it
        state.made[node.name] = inputs[:1]
        return
    constants: list[tuple[str, Shape]] = []
    if node.target is operator.getitem:
        ops = piece_of(node)
    else:
        call = call_of(node, state.known)
        ops, constants = call.ops, _constants(call.constants, state)
    path, source = module_path(node), source_line(node)
    made: list[str] = []
    for op in ops[:-1]:
        made.append(state.builder.add(op, *inputs, path=path, source=source))
        inputs = (made[-1],)
    state.names[node.name] = state.builder.add(
        ops[-1],
        *inputs,
        path=path,
        params=params,
        buffers=buffers,
        constants=constants,
        source=source,
    )
    state.made[node.name] = (*made, state.names[node.name])


def _constants(read: tuple[FxNode | Filled, ...], state: Translation) -> list[tuple[str, Shape]]:
    result: list[tuple[str, Shape]] = []
    for value in read:
        if isinstance(value, Filled):
            name = f"filled:{value.value:g}:{value.c}"
            state.filled[name] = value
            result.append((name, (value.c,)))
        else:
            constant = state.known[value.name]
            result.append((constant.name, constant.shape))
    return result


def shape_or_none(node: FxNode) -> Shape:
    """Shape of a constant; of one that is no tensor, (): nothing here reads it."""
    values = flat(node.meta["val"])
    return tuple(values[0].shape) if len(values) == 1 and isinstance(values[0], Tensor) else ()


def ops_of(node: FxNode, known: Collection[str]) -> tuple[Op, ...]:
    """What `add_call` makes of a call that reads an input; none where it is only a name.

    `known` names the values that do not depend on the input.
    """
    if _is_name(node):
        return ()
    return piece_of(node) if node.target is operator.getitem else call_of(node, known).ops


def _is_name(node: FxNode) -> bool:
    """A list of pieces, or the one tensor read of several: what reads it says what it takes."""
    picks = node.target is operator.getitem
    return str(node.target) in SPLITS or (picks and reads_first(arguments(node)[0]))
