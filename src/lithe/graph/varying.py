"""A traced program without what is the same in every run: that is worked out once."""

from typing import Any

import torch
from torch import Tensor, fx
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind
from torch.fx import Node as FxNode

from lithe.errors import LitheError
from lithe.graph.fx import arguments
from lithe.graph.overwriting import is_in_place, storages
from lithe.graph.torch_constants import Constants, is_random

# Of types and places, which are those of the example in every run.
_ASSERTIONS = ("aten._assert_tensor_metadata.default",)


def changed_inputs(program: ExportedProgram) -> tuple[str, ...]:
    """Names of the weights, buffers and inputs that a run of the program writes to."""
    signature = program.graph_signature
    names = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    changed = {*signature.buffers_to_mutate.values(), *signature.user_inputs_to_mutate.values()}
    owners: dict[int, str] = {}
    for node in program.graph.nodes:
        if node.op == "placeholder":
            owners |= dict.fromkeys(storages(node), names.get(node.name, node.name))
        elif is_in_place(node):
            written = arguments(node)[0]
            changed |= {owners[storage] for storage in storages(written) if storage in owners}
    return tuple(sorted(changed))


def varying_calls(program: ExportedProgram) -> fx.GraphModule:
    """The calls that depend on the inputs of a program, or on chance, in their order.

    Its placeholders are the program's inputs; constants are tensors that it holds. No call
    writes to what it reads: `without_overwriting` has seen to it that nobody would notice.
    """
    if any(_plain(node) is None for node in program.graph.nodes if is_in_place(node)):
        program = program.run_decompositions({})
    constants = Constants(program)
    varying = _varying(program)
    graph, held = fx.Graph(), dict[str, Any]()
    copies: dict[FxNode, Any] = {}

    def copy(read: FxNode) -> Any:
        if read not in copies:
            value = constants.value(read.name)
            copies[read] = value
            if isinstance(value, Tensor):
                name = f"constant_{len(held)}"
                held[name] = value.detach()
                copies[read] = graph.create_node("get_attr", name, name=read.name)
                copies[read].meta = dict(read.meta)
        return copies[read]

    for node in program.graph.nodes:
        if node.op == "get_attr":  # the body of a call that has one
            held[str(node.target)] = getattr(program.graph_module, str(node.target))
            copies[node] = graph.node_copy(node)
        elif node.op == "output":
            returned = [_of_its_own(graph, value, varying, copy) for value in node.args[0]]
            graph.output(tuple(returned))
        elif node in varying and str(node.target) not in _ASSERTIONS:
            copies[node] = graph.node_copy(node, copy)
            copies[node].target = _plain(node) or node.target
    graph.eliminate_dead_code()
    return fx.GraphModule(held, graph)


def _varying(program: ExportedProgram) -> set[FxNode]:
    # By the names of their nodes: `user_inputs` has the values of those that are no tensors.
    specs = program.graph_signature.input_specs
    inputs = {spec.arg.name for spec in specs if spec.kind is InputKind.USER_INPUT}
    varying: set[FxNode] = set()
    for node in program.graph.nodes:
        if node.op == "placeholder" and node.name in inputs:
            varying.add(node)
        elif node.op == "call_function":
            read = arguments(node)
            own = is_random(node) or any(value.op == "get_attr" for value in read)
            if own or not varying.isdisjoint(read):
                varying.add(node)
    return varying


def _of_its_own(graph: fx.Graph, value: Any, varying: set[FxNode], copy: Any) -> Any:
    """An output; where it is the same in every run, a copy that the caller may write to."""
    if not isinstance(value, FxNode):
        return value
    read = copy(value)
    if value in varying or not isinstance(read, FxNode):
        return read
    made = graph.call_function(torch.ops.aten.clone.default, (read,))
    made.meta = dict(value.meta)
    return made


def _plain(node: FxNode) -> Any:
    """What an in-place call would be if it made a tensor of its own; None if there is no such."""
    if not is_in_place(node):
        return None
    target: Any = node.target
    namespace, _, name = target._schema.name.partition("::")
    packet = getattr(getattr(torch.ops, namespace), name.removesuffix("_"), None)
    if not name.endswith("_") or target._overloadname not in (packet.overloads() if packet else ()):
        return None
    plain = getattr(packet, target._overloadname)
    known = [(a.name, str(a.type)) for a in plain._schema.arguments]
    return plain if known == [(a.name, str(a.type)) for a in target._schema.arguments] else None


def check_unchanging(program: ExportedProgram, module: str) -> None:
    """Refuse a module that changes with every run.

    Raises:
        LitheError: names the weights that a run writes to.
    """
    signature = program.graph_signature
    own = {*signature.inputs_to_parameters.values(), *signature.inputs_to_buffers.values()}
    changed = [name for name in changed_inputs(program) if name in own]
    if changed:
        raise LitheError(
            f"{module} changes {', '.join(changed)} in every run; what is compiled holds the "
            "weights as they were"
        )
