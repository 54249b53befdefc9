"""A program in parts: those that the engine runs, and the calls between that PyTorch runs.

A part is as large as it can be, and has a convolution or a linear layer: for less, a call
into the engine costs more than it saves, so that stays in PyTorch.
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import fx, nn
from torch.fx import Node as FxNode
from torch.fx.passes.infra.partitioner import CapabilityBasedPartitioner, Partition
from torch.fx.passes.operator_support import OperatorSupportBase

from lithe.engine.assignment import reasons_for_pytorch
from lithe.engine.network import CompiledNetwork
from lithe.engine.part import Part
from lithe.errors import LitheError
from lithe.graph.fx import arguments, flat, module_path, source_line
from lithe.graph.model import Model
from lithe.graph.ops import Conv2d, Linear
from lithe.graph.part import model_of_calls, understood


@dataclass(frozen=True, slots=True)
class InPyTorch:
    """A call that PyTorch runs: the operator, its module's path, the source line, the reason."""

    operator: str
    path: str
    source: str
    reason: str

    def __str__(self) -> str:
        where = ", ".join(filter(None, (f"module {self.path}" if self.path else "", self.source)))
        return f"{self.operator} ({where})" if where else self.operator


@dataclass(frozen=True, slots=True)
class Parts:
    """A program cut up: what runs all of it, and what that is, in the order of running.

    `run` takes the program's inputs in a row and returns a tuple of its outputs.
    """

    run: fx.GraphModule
    order: tuple[CompiledNetwork | InPyTorch, ...]

    @property
    def networks(self) -> tuple[CompiledNetwork, ...]:
        """The parts that the engine runs."""
        return tuple(each for each in self.order if isinstance(each, CompiledNetwork))

    @property
    def in_pytorch(self) -> tuple[InPyTorch, ...]:
        """The calls that PyTorch runs."""
        return tuple(each for each in self.order if isinstance(each, InPyTorch))


def cut(program: fx.GraphModule, build: Callable[[Model], CompiledNetwork]) -> Parts:
    """Cut a program of `lithe.graph.varying`, in place, and build its parts.

    `build` raises `LitheError` for a part that it cannot make; PyTorch runs that then.
    """
    reasons = reasons_for_pytorch(program)
    able = {node for node in program.graph.nodes if reasons.get(node) == ""}
    partitioner = CapabilityBasedPartitioner(
        program, _Able(able), allows_single_node_partition=True
    )
    worth, small = [], set[FxNode]()
    for partition in partitioner.propose_partitions():
        if any(_is_weighted(node) for node in partition.nodes):
            worth.append(partition)
        else:
            small.update(partition.nodes)
    reasons |= dict.fromkeys(small, "less than a convolution or a linear layer")
    # The nodes of a part are renewed when it is cut out, so they are described before.
    said = {node.name: _described(node, reason) for node, reason in reasons.items()}
    run = partitioner.fuse_partitions(_in_order(worth, program), prefix="part_")
    for node in list(run.graph.nodes):
        if node.op == "call_module":
            _build_part(run, node, build, said)
    run.graph.lint()
    run.delete_all_unused_submodules()
    _forget_unused(run)
    run.recompile()
    return Parts(run, _order(run, said))


class _Able(OperatorSupportBase):
    def __init__(self, nodes: set[FxNode]) -> None:
        self._nodes = nodes

    def is_node_supported(self, submodules: Mapping[str, nn.Module], node: FxNode) -> bool:
        return node in self._nodes


def _is_weighted(node: FxNode) -> bool:
    known = {value.name for value in arguments(node) if value.op == "get_attr"}
    if not known or node.target is operator.getitem:
        return False
    return any(isinstance(op, Conv2d | Linear) for op in understood(node, known) or ())


def _in_order(partitions: list[Partition], program: fx.GraphModule) -> list[Partition]:
    place = {node: index for index, node in enumerate(program.graph.nodes)}
    return sorted(partitions, key=lambda each: min(place[node] for node in each.nodes))


def _build_part(
    run: fx.GraphModule,
    node: FxNode,
    build: Callable[[Model], CompiledNetwork],
    said: dict[str, InPyTorch],
) -> None:
    """Put a compiled network in the place of a part, unless it cannot be made."""
    calls = run.get_submodule(str(node.target))
    assert isinstance(calls, fx.GraphModule)
    inputs = [each for each in calls.graph.nodes if each.op == "placeholder"]
    given = [value for value in node.args if isinstance(value, FxNode)]
    constants = {
        placeholder.name: getattr(run, str(value.target))
        for placeholder, value in zip(inputs, given, strict=True)
        if value.op == "get_attr"
    }
    returned = calls.graph.output_node().args[0]
    try:
        network = build(model_of_calls(calls.graph, constants))
    except LitheError as error:
        for each in calls.graph.nodes:
            if each.op == "call_function":
                said[each.name] = _described(each, str(error))
        return
    seen = [value.meta["val"] for value in flat(returned)]
    part = Part(network, seen, alone=isinstance(returned, FxNode))
    run.set_submodule(str(node.target), part)
    node.args = tuple(value for value in given if value.op != "get_attr")


def _forget_unused(run: fx.GraphModule) -> None:
    """Let go of the weights that only compiled parts read: those have them packed."""
    run.graph.eliminate_dead_code()
    used = {str(node.target) for node in run.graph.nodes if node.op == "get_attr"}
    for name, _ in [*run.named_buffers(recurse=False), *run.named_parameters(recurse=False)]:
        if name not in used:
            delattr(run, name)


def _order(
    run: fx.GraphModule, said: dict[str, InPyTorch]
) -> tuple[CompiledNetwork | InPyTorch, ...]:
    order: list[CompiledNetwork | InPyTorch] = []
    for node in run.graph.nodes:
        part = run.get_submodule(str(node.target)) if node.op == "call_module" else None
        if isinstance(part, Part):
            order.append(part.network)
            continue
        calls = part.graph.nodes if isinstance(part, fx.GraphModule) else (node,)
        order += [
            said[each.name]
            for each in calls
            if each.op == "call_function" and each.target is not operator.getitem
        ]
    return tuple(order)


def _described(node: FxNode, reason: str) -> InPyTorch:
    return InPyTorch(str(node.target), module_path(node), source_line(node), reason)
