"""From a torch module to a graph, through `torch.export`."""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.export import ExportedProgram
from torch.fx import Node as FxNode

from lithe.errors import LitheError
from lithe.graph.graph import Graph, GraphBuilder
from lithe.graph.ops import (
    Activation,
    AdaptiveAvgPool2d,
    BatchNorm,
    Binary,
    Concat,
    Conv2d,
    Dropout,
    Flatten,
    Linear,
    Op,
    Pair,
    Pool2d,
    Shape,
    Unknown,
)


def capture(module: nn.Module, input_shape: Shape) -> Graph:
    """The graph of a module in inference mode for an input of that shape, n c h w.

    The module is not changed and none of its weights are read: it is traced on a copy
    without storage. An operator without a rule becomes `Unknown` with the shape seen.

    Raises:
        LitheError: `torch.export` cannot trace the module, or it does not take that shape.
    """
    with torch.device("meta"):
        example = torch.empty(input_shape)
    try:
        program = torch.export.export(_without_storage(module), (example,), strict=False)
    except Exception as error:
        raise LitheError(
            f"{type(module).__name__} cannot be captured for an input of {input_shape}: "
            f"{str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__}"
        ) from error
    return _translate(program, input_shape)


def _without_storage(module: nn.Module) -> nn.Module:
    """A copy on the meta device; deepcopy with every tensor replaced costs no memory."""
    memo: dict[int, Any] = {}
    for tensor in (*module.parameters(), *module.buffers()):
        meta = tensor.detach().to("meta")
        memo[id(tensor)] = nn.Parameter(meta, False) if isinstance(tensor, nn.Parameter) else meta
    return copy.deepcopy(module, memo).eval()


def _translate(program: ExportedProgram, input_shape: Shape) -> Graph:
    signature = program.graph_signature
    params, buffers = signature.inputs_to_parameters, signature.inputs_to_buffers
    builder, names = GraphBuilder(), dict[str, str]()
    for node in program.graph.nodes:
        if node.op == "placeholder" and node.name not in params and node.name not in buffers:
            if node.name in signature.user_inputs:
                names[node.name] = builder.input(input_shape)
        elif node.op == "call_function":
            tensors = [arg for arg in _flat(node.args) if isinstance(arg, FxNode)]
            names[node.name] = builder.add(
                _operator(node),
                *(names[arg.name] for arg in tensors if arg.name in names),
                path=_module_path(node),
                params={params[a.name]: _shape(a) for a in tensors if a.name in params},
                buffers={buffers[a.name]: _shape(a) for a in tensors if a.name in buffers},
            )
        elif node.op == "output":
            outputs = [names[arg.name] for arg in _flat(node.args) if isinstance(arg, FxNode)]
    return builder.build(*outputs)


def _flat(args: Any) -> list[Any]:
    if isinstance(args, list | tuple):
        return [leaf for arg in args for leaf in _flat(arg)]
    return [args]


def _shape(node: FxNode) -> Shape:
    value = node.meta["val"]
    return tuple(int(size) for size in value.shape) if isinstance(value, torch.Tensor) else ()


def _module_path(node: FxNode) -> str:
    stack = node.meta.get("nn_module_stack") or {}
    return str(list(stack.values())[-1][0]) if stack else ""


def _operator(node: FxNode) -> Op:
    rule = RULES.get(str(node.target))
    return rule(_Arguments(node)) if rule else Unknown(str(node.target), _shape(node))


class _Arguments:
    """The arguments of a call by the names in its schema, defaults filled in."""

    def __init__(self, node: FxNode) -> None:
        self.node = node
        schema = node.target._schema.arguments  # type: ignore[union-attr]
        self._values = {arg.name: arg.default_value for arg in schema if arg.has_default_value()}
        self._values |= {arg.name: v for arg, v in zip(schema, node.args, strict=False)}
        self._values |= dict(node.kwargs)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def shape(self, name: str) -> Shape:
        return _shape(self[name])

    def pair(self, name: str, default: Pair = (0, 0)) -> Pair:
        value = self[name]
        if isinstance(value, int):
            return value, value
        if not value:
            return default
        return (value[0], value[0]) if len(value) == 1 else (value[0], value[1])


def _conv2d(a: _Arguments) -> Op:
    c_out, c_group, *kernel = a.shape("weight")
    padding = a["padding"]
    if isinstance(padding, str):
        # "same" may pad one side more than the other, which no pair can say.
        return Unknown(f"{a.node.target} with padding={padding!r}", _shape(a.node))
    return Conv2d(
        c_group * a["groups"],
        c_out,
        (kernel[0], kernel[1]),
        a.pair("stride"),
        a.pair("padding"),
        a.pair("dilation"),
        a["groups"],
        a["bias"] is not None,
    )


def _linear(a: _Arguments) -> Op:
    c_out, c_in = a.shape("weight")
    return Linear(c_in, c_out, a["bias"] is not None)


def _pool(kind: str) -> Callable[[_Arguments], Op]:
    def rule(a: _Arguments) -> Op:
        kernel = a.pair("kernel_size")
        dilation = a.pair("dilation") if kind == "max" else (1, 1)
        return Pool2d(
            kind, kernel, a.pair("stride", kernel), a.pair("padding"), dilation, a["ceil_mode"]
        )

    return rule


def _hardtanh(a: _Arguments) -> Op:
    limits = (a["min_val"], a["max_val"])
    return Activation("relu6" if limits == (0, 6) else f"hardtanh({limits[0]:g},{limits[1]:g})")


def _flatten(a: _Arguments) -> Op:
    rank = len(a.shape("self"))
    if a["end_dim"] not in (-1, rank - 1):
        return Unknown(f"{a.node.target} of inner axes", _shape(a.node))
    return Flatten(a["start_dim"] % rank)


def _binary(kind: str) -> Callable[[_Arguments], Op]:
    def rule(a: _Arguments) -> Op:
        # With a plain number there is one tensor: no more than an activation.
        return Binary(kind) if isinstance(a["other"], FxNode) else Activation(f"{kind}_constant")

    return rule


def _mean(a: _Arguments) -> Op:
    axes = sorted(axis % len(a.shape("self")) for axis in a["dim"] or ())
    if axes == [2, 3] and len(a.shape("self")) == 4 and a["keepdim"]:
        return AdaptiveAvgPool2d()
    return Unknown(f"{a.node.target} over axes {axes}", _shape(a.node))


def _activation(kind: str) -> Callable[[_Arguments], Op]:
    return lambda _: Activation(kind)


RULES: dict[str, Callable[[_Arguments], Op]] = {
    "aten.conv2d.default": _conv2d,
    "aten.conv2d.padding": _conv2d,
    "aten.linear.default": _linear,
    "aten.batch_norm.default": lambda a: BatchNorm(a.shape("input")[1]),
    "aten.relu.default": _activation("relu"),
    "aten.relu_.default": _activation("relu"),
    "aten.relu6.default": _activation("relu6"),
    "aten.hardtanh.default": _hardtanh,
    "aten.hardtanh_.default": _hardtanh,
    "aten.add.Tensor": _binary("add"),
    "aten.add_.Tensor": _binary("add"),
    "aten.mul.Tensor": _binary("mul"),
    "aten.mul_.Tensor": _binary("mul"),
    "aten.cat.default": lambda a: Concat(a["dim"] % len(_shape(a.node))),
    "aten.max_pool2d.default": _pool("max"),
    "aten.avg_pool2d.default": _pool("avg"),
    "aten.adaptive_avg_pool2d.default": lambda a: AdaptiveAvgPool2d(a.pair("output_size")),
    "aten.mean.dim": _mean,
    "aten.flatten.using_ints": _flatten,
    "aten.dropout.default": lambda _: Dropout(),
    "aten.dropout_.default": lambda _: Dropout(),
}
