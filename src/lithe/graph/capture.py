"""From a torch module to a graph, through `torch.export`."""

import contextlib
import copy
import io
import logging
import operator
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.export import ExportedProgram
from torch.fx import Node as FxNode
from torch.nn.parameter import is_lazy

from lithe.errors import LitheError
from lithe.graph.aten import SPLITS, arguments, operator_of, seen_shape
from lithe.graph.graph import Graph, GraphBuilder
from lithe.graph.ops import Shape, View


def capture(module: nn.Module, input_shape: Shape) -> Graph:
    """The graph of a module in inference mode for an input of that shape, n c h w.

    The module is not changed and none of its weights are read: a copy that shares them is
    traced. The input gets the type and device of the first floating-point weight. An
    operator without a rule becomes `Unknown` with the shape seen. What does not depend on
    the input (a weight that is normalised, a constant) is no operator of the graph: it can
    be worked out once, before; its weights belong to the operator that reads the result.
    Hooks run as in any forward pass, on tensors without values.

    Raises:
        LitheError: `torch.export` cannot trace the module, or it does not take that shape.
    """
    weights = (*module.parameters(), *module.buffers())
    if any(is_lazy(weight) for weight in weights):
        raise LitheError(
            f"{type(module).__name__} has weights without a shape yet (a lazy module); "
            "run one batch through it first"
        )
    like = next((weight for weight in weights if weight.is_floating_point()), torch.empty(0))
    try:
        example = torch.empty(input_shape, dtype=like.dtype, device=like.device)
        # Without gradients a `no_grad` inside the module changes nothing; otherwise it would
        # be exported as one opaque operator.
        with _quietly(), torch.no_grad():
            program = torch.export.export(_twin(module), (example,), strict=False)
    except Exception as error:
        raise LitheError(
            f"{type(module).__name__} cannot be captured for an input of {input_shape}: "
            f"{_reason(error)}"
        ) from error
    graph = _translate(program)
    if not graph.outputs:
        raise LitheError(f"{type(module).__name__} returns nothing that depends on its input")
    return graph


def _twin(module: nn.Module) -> nn.Module:
    """A copy in inference mode that shares the weights: export never writes to those."""
    known: dict[int, Any] = {id(t): t for t in (*module.parameters(), *module.buffers())}
    for part in module.modules():
        for value in vars(part).values():
            if isinstance(value, torch.Tensor):
                # A plain attribute: export may run on it. deepcopy refuses one with a history.
                known.setdefault(id(value), value.detach().clone())
    return copy.deepcopy(module, known).eval()


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """torch.export explains a failure by a graph and a log on stderr; we say it in one line."""
    loggers = [
        logging.getLogger("torch.export"),
        logging.getLogger("torch.fx.experimental.symbolic_shapes"),
    ]
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        before = [logger.disabled for logger in loggers]
        try:
            for logger in loggers:
                logger.disabled = True
            yield
        finally:
            for logger, disabled in zip(loggers, before, strict=True):
                logger.disabled = disabled


_BY_VALUE = ("GuardOnDataDependentSymNode", "DataDependentOutputException")


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    reason = lines[0] if lines else type(error).__name__
    if type(error).__name__ in _BY_VALUE:
        reason = (
            "what it does depends on the values in the input (an `if` on a tensor, a size read "
            "from one), which a fixed graph cannot hold"
        )
    torch_folder, library = Path(torch.__file__).parent, Path(copy.__file__).parent
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if frame.name == capture.__name__ and path == Path(__file__):
            break
        if path.is_absolute() and torch_folder not in path.parents and path.parent != library:
            return f"{reason} ({path.name}, line {frame.lineno})"
    return reason


@dataclass(frozen=True, slots=True)
class _Weights:
    """What a value that does not depend on the input is made of: shapes by name."""

    params: dict[str, Shape] = field(default_factory=dict)
    buffers: dict[str, Shape] = field(default_factory=dict)


def _translate(program: ExportedProgram) -> Graph:
    builder = GraphBuilder()
    names: dict[str, str] = {}  # torch's name of a value that depends on the input, and ours
    weights: dict[str, _Weights] = {}  # of all other values
    outputs: list[str] = []
    for node in program.graph.nodes:
        if node.op == "placeholder":
            _place(node, program, builder, names, weights)
        elif node.op == "call_function":
            _add(node, builder, names, weights)
        elif node.op == "output":
            outputs = [names[value.name] for value in arguments(node) if value.name in names]
    return builder.build(*outputs)


def _place(
    node: FxNode,
    program: ExportedProgram,
    builder: GraphBuilder,
    names: dict[str, str],
    weights: dict[str, _Weights],
) -> None:
    signature = program.graph_signature
    if node.name in signature.inputs_to_parameters:
        params = {signature.inputs_to_parameters[node.name]: seen_shape(node)}
        weights[node.name] = _Weights(params=params)
    elif node.name in signature.inputs_to_buffers:
        buffers = {signature.inputs_to_buffers[node.name]: seen_shape(node)}
        weights[node.name] = _Weights(buffers=buffers)
    elif node.name in signature.user_inputs:
        names[node.name] = builder.input(seen_shape(node))
    else:
        weights[node.name] = _Weights()  # a constant


def _add(
    node: FxNode, builder: GraphBuilder, names: dict[str, str], weights: dict[str, _Weights]
) -> None:
    if node.meta.get("val") is None:
        return  # an assertion or a change of mode: no value
    read = arguments(node)
    inputs = [names[value.name] for value in read if value.name in names]
    own = _Weights()
    for value in read:
        if value.name in weights:
            own.params.update(weights[value.name].params)
            own.buffers.update(weights[value.name].buffers)
    if not inputs:
        weights[node.name] = own
    elif str(node.target) in SPLITS:
        names[node.name] = inputs[0]  # each piece that is used becomes a view of it
    else:
        shapes = tuple(builder.shape(name) for name in inputs)
        names[node.name] = builder.add(
            View("part", seen_shape(node))
            if node.target is operator.getitem
            else operator_of(node, shapes),
            *inputs,
            path=_module_path(node),
            params=own.params,
            buffers=own.buffers,
        )


def _module_path(node: FxNode) -> str:
    stack = node.meta.get("nn_module_stack") or {}
    return str(list(stack.values())[-1][0]) if stack else ""
