"""A program in parts: those that the engine runs, and the calls between that PyTorch runs.

A part is as large as it can be, and has a convolution or a linear layer: for less, a call
into the engine costs more than it saves, so that stays in PyTorch.
"""

import operator
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn
from torch.fx import Node as FxNode
from torch.fx.passes.infra.partitioner import CapabilityBasedPartitioner, Partition
from torch.fx.passes.operator_support import OperatorSupportBase

from lithe.engine.lower.lower import is_known
from lithe.engine.network import CompiledNetwork
from lithe.errors import LitheError
from lithe.graph.aten import reads_first
from lithe.graph.fx import arguments, flat, module_path, seen_shape, source_line
from lithe.graph.model import Model
from lithe.graph.ops import Conv2d, Linear
from lithe.graph.overwriting import storages
from lithe.graph.part import model_of_calls, understood

# The engine computes in float32; halves are no worse for it, float64 would be.
TYPES = (torch.float32, torch.float16, torch.bfloat16)


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
    reasons = _reasons(program)
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


def _reasons(program: fx.GraphModule) -> dict[FxNode, str]:
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
    if not ops:
        return ops is not None
    whole = arguments(node)[0] if node.target is operator.getitem else node
    read = [each for each in arguments(whole) if each.name not in known]
    shapes = tuple(seen_shape(each) for each in read)
    for op in ops:
        if not is_known(op, *shapes):
            return False
        shapes = (op.shape(*shapes),)
    return True


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


def _is_weighted(node: FxNode) -> bool:
    known = {value.name for value in arguments(node) if value.op == "get_attr"}
    if not known or node.target is operator.getitem:
        return False
    return any(isinstance(op, Conv2d | Linear) for op in understood(node, known) or ())


def _in_order(partitions: list[Partition], program: fx.GraphModule) -> list[Partition]:
    place = {node: index for index, node in enumerate(program.graph.nodes)}
    return sorted(partitions, key=lambda each: min(place[node] for node in each.nodes))


class _Part(nn.Module):
    """A compiled part in a program of PyTorch's: outputs of the type and strides seen there."""

    def __init__(self, network: CompiledNetwork, seen: list[Tensor], alone: bool) -> None:
        super().__init__()
        self.network = network
        self._alone = alone
        self._like = [_form(value) for value in seen]
        self._plain = all(form is None for form in self._like)

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        made = self.network(*inputs)
        if not self._plain:
            several = (made,) if isinstance(made, Tensor) else made
            made = tuple(map(_formed, several, self._like))
            made = made[0] if len(made) == 1 else made
        return (made,) if not self._alone and isinstance(made, Tensor) else made


_Form = tuple[torch.dtype, tuple[int, ...] | None]


def _form(seen: Tensor) -> _Form | None:
    """What differs from a float32 tensor in order: the type, the strides where they are dense."""
    strides = None
    if not seen.is_contiguous() and _is_dense(seen):
        strides = tuple(seen.stride())
    return None if seen.dtype == torch.float32 and strides is None else (seen.dtype, strides)


def _is_dense(seen: Tensor) -> bool:
    strides = seen.stride()
    order = sorted(range(seen.ndim), key=lambda axis: -strides[axis])
    return seen.permute(order).is_contiguous()


def _formed(value: Tensor, form: _Form | None) -> Tensor:
    if form is None:
        return value
    dtype, strides = form
    if strides is None:
        return value.to(dtype)
    return torch.empty_strided(value.shape, strides, dtype=dtype).copy_(value)


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
    part = _Part(network, seen, alone=isinstance(returned, FxNode))
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
        if isinstance(part, _Part):
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
