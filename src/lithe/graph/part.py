"""From some calls of a traced program to a model: what can be understood, and the model of it."""

import operator
from collections.abc import Collection, Mapping

import numpy as np
from torch import Tensor, fx
from torch.fx import Node as FxNode

from lithe.graph.aten import reads_first
from lithe.graph.aten_rules import SPLITS
from lithe.graph.fx import arguments, seen_shape
from lithe.graph.model import Model, constant_names
from lithe.graph.ops import Op, Unknown
from lithe.graph.torch_constants import array_of
from lithe.graph.translation import Constant, Translation, add_call, ops_of


def understood(node: FxNode, known: Collection[str]) -> tuple[Op, ...] | None:
    """The operators of a call that reads an input; None where there is no rule for it.

    `known` names the values that do not depend on the input. A call that returns several
    tensors is understood where each is picked from it.
    """
    if node.op != "call_function" or node.meta.get("val") is None:
        return None
    if all(value.name in known for value in arguments(node)):
        return None
    if str(node.target) in SPLITS and any(
        user.target is not operator.getitem for user in node.users
    ):
        return None
    if node.target is operator.getitem:
        whole = arguments(node)[0]
        if str(whole.target) not in SPLITS and not reads_first(whole):
            return None
    ops = ops_of(node, known)
    return None if any(isinstance(op, Unknown) for op in ops) else ops


def model_of_calls(calls: fx.Graph, constants: Mapping[str, Tensor]) -> Model:
    """The model of a graph of calls that are all understood.

    `constants` are tensors by the placeholder that stands for them; the other placeholders
    are the model's inputs. Outputs are in the order of the graph's.

    Raises:
        LitheError: a call does not take what it is given.
    """
    state = Translation()
    outputs: list[str] = []
    for node in calls.nodes:
        if node.op == "placeholder" and node.name in constants:
            shape = tuple(constants[node.name].shape)
            state.known[node.name] = Constant(node.name, shape, params={node.name: shape})
        elif node.op == "placeholder":
            state.names[node.name] = state.builder.input(seen_shape(node))
        elif node.op == "call_function":
            add_call(node, state)
        elif node.op == "output":
            outputs = [state.names[value.name] for value in arguments(node)]
    graph = state.builder.build(*outputs)
    values = {}
    for name in constant_names(graph):
        filled = state.filled.get(name)
        values[name] = (
            array_of(constants[name])
            if filled is None
            else np.full(filled.c, filled.value, np.float32)
        )
    return Model(graph, values)
