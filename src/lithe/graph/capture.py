"""From a torch module to a graph, through `torch.export`."""

import contextlib
import copy
import io
import logging
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.export import ExportedProgram
from torch.fx import Node as FxNode
from torch.nn.parameter import is_lazy

from lithe.errors import LitheError
from lithe.graph.aten import Filled
from lithe.graph.fx import arguments, seen_shape
from lithe.graph.graph import Graph
from lithe.graph.like import without_likenesses
from lithe.graph.model import Array, Model, constant_names
from lithe.graph.ops import Shape
from lithe.graph.overwriting import without_overwriting
from lithe.graph.torch_constants import Constants
from lithe.graph.translation import Constant, Translation, add_call, shape_or_none


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
    return traced(module, input_shape).graph


def capture_model(module: nn.Module, inputs: Shape | Tensor | Sequence[Tensor]) -> Model:
    """The graph of a module as by `capture`, and the array behind each of its constants.

    `inputs` is the shape of the one input, or an example for each. The module returns a
    tensor or a tuple of them. What does not depend on the input is worked out here, in the
    type that the module works in; a weight is the module's own memory where NumPy has its
    type (bfloat16 becomes float32).

    Raises:
        LitheError: as for `capture`; also where an output does not depend on the input, a
            constant is drawn at random, or the weights have no values (meta tensors).
    """
    check_values(module)
    return model_of_trace(traced(module, inputs))


@dataclass(frozen=True, slots=True)
class Traced:
    """What `torch.export` made of a module, and the graph that says the same.

    `made` names the tensors of the graph that each call of the program makes; of one that
    only gives a tensor another name, that tensor. A call that no input has a part in is not
    among them. `outputs` has None for one that does not depend on the input.
    """

    name: str
    program: ExportedProgram
    graph: Graph
    outputs: tuple[str | None, ...]
    made: Mapping[str, tuple[str, ...]]
    torch_names: Mapping[str, str]  # of constants, by ours
    filled: Mapping[str, Filled]


def traced(module: nn.Module, inputs: Shape | Tensor | Sequence[Tensor]) -> Traced:
    """A module as by `exported` and by `capture` at once, call for call.

    Raises:
        LitheError: as for `capture`.
    """
    return _translate(exported(module, inputs), type(module).__name__)


def check_values(module: nn.Module) -> None:
    """Make sure that a module can be run.

    Raises:
        LitheError: its weights have no values (meta tensors).
    """
    if any(weight.is_meta for weight in (*module.parameters(), *module.buffers())):
        raise LitheError(f"{type(module).__name__} has weights without values (on the meta device)")


def model_of_trace(trace: Traced) -> Model:
    """The graph of a trace with the array behind each of its constants, as `capture_model`.

    Raises:
        LitheError: an output does not depend on the input, or a constant is drawn at random.
    """
    if None in trace.outputs:
        raise LitheError(
            f"{trace.name}: output {trace.outputs.index(None)} does not depend on the input; "
            "return only what does"
        )
    return Model(trace.graph, _values(trace))


def exported(module: nn.Module, inputs: Shape | Tensor | Sequence[Tensor]) -> ExportedProgram:
    """What `torch.export` makes of a module in inference mode, for inputs as in `capture_model`.

    Nothing in it is changed in place where that would be seen under another name.

    Raises:
        LitheError: `torch.export` cannot trace the module, or it does not take such inputs.
    """
    weights = (*module.parameters(), *module.buffers())
    if any(is_lazy(weight) for weight in weights):
        raise LitheError(
            f"{type(module).__name__} has weights without a shape yet (a lazy module); "
            "run one batch through it first"
        )
    like = next((weight for weight in weights if weight.is_floating_point()), torch.empty(0))
    given = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    examples = tuple(x for x in given if isinstance(x, Tensor))
    shapes = tuple(tuple(x.shape) for x in examples) or (_sizes(given),)
    said = shapes[0] if len(shapes) == 1 else shapes
    try:
        if not examples:
            examples = (torch.empty(shapes[0], dtype=like.dtype, device=like.device),)
        # Without gradients a `no_grad` inside the module changes nothing; otherwise it would
        # be exported as one opaque operator.
        with quietly(), _as_written(), torch.no_grad():
            program = torch.export.export(_twin(module), examples, strict=False)
            return without_likenesses(without_overwriting(program))
    except Exception as error:
        raise LitheError(
            f"{type(module).__name__} cannot be captured for an input of {said}: {_reason(error)}"
        ) from error


def _sizes(given: Sequence[object]) -> Shape:
    return tuple(size for size in given if isinstance(size, int))


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
def quietly() -> Iterator[None]:
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


@contextlib.contextmanager
def _as_written() -> Iterator[None]:
    """Where only deterministic kernels are allowed, torch writes a resizing as many operators."""
    wanted = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(False)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(wanted, warn_only=warn_only)


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
        if frame.name == exported.__name__ and path == Path(__file__):
            break
        if path.is_absolute() and torch_folder not in path.parents and path.parent != library:
            return f"{reason} ({path.name}, line {frame.lineno})"
    return reason


def _translate(program: ExportedProgram, module: str) -> Traced:
    state = Translation()
    outputs: list[str | None] = []
    place = _placed(program)
    for node in program.graph.nodes:
        if node.op == "placeholder":
            place(node, state)
        elif node.op == "call_function":
            add_call(node, state)
        elif node.op == "output":
            returned = set(program.graph_signature.user_outputs)
            outputs = [
                state.names.get(value.name) for value in arguments(node) if value.name in returned
            ]
    reached = tuple(name for name in outputs if name is not None)
    if not reached:
        raise LitheError(f"{module} returns nothing that depends on its input")
    return Traced(
        module,
        program,
        state.builder.build(*reached),
        tuple(outputs),
        state.made,
        {constant.name: name for name, constant in state.known.items()},
        state.filled,
    )


def _placed(program: ExportedProgram) -> Callable[[FxNode, Translation], None]:
    # torch works these mappings out anew each time that they are asked for.
    signature = program.graph_signature
    params, buffers = dict(signature.inputs_to_parameters), dict(signature.inputs_to_buffers)
    lifted, user_inputs = signature.inputs_to_lifted_tensor_constants, set(signature.user_inputs)

    def place(node: FxNode, state: Translation) -> None:
        shape = shape_or_none(node)
        if node.name in params:
            name = params[node.name]
            state.known[node.name] = Constant(name, shape, params={name: shape})
        elif node.name in buffers:
            name = buffers[node.name]
            state.known[node.name] = Constant(name, shape, buffers={name: shape})
        elif node.name in user_inputs:
            state.names[node.name] = state.builder.input(seen_shape(node))
        else:
            state.known[node.name] = Constant(lifted.get(node.name, node.name), shape)

    return place


def _values(trace: Traced) -> dict[str, Array]:
    constants = Constants(trace.program)
    result = {}
    for name in constant_names(trace.graph):
        filled = trace.filled.get(name)
        result[name] = (
            constants.array(trace.torch_names[name])
            if filled is None
            else np.full(filled.c, filled.value, np.float32)
        )
    return result
