"""Reading one call of a traced program: its arguments by name, shapes, module and line."""

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
from torch.fx import Node as FxNode

from lithe.errors import LitheError
from lithe.graph.ops import Operands, Pair, Shape, Unknown


def seen_shape(node: FxNode) -> Shape:
    """The shape that tracing saw; of a call that returns several tensors, all elements.

    Raises:
        LitheError: a size that depends on the values in the input.
    """
    value = node.meta["val"]
    if isinstance(value, list | tuple):
        tensors = [part for part in flat(value) if isinstance(part, torch.Tensor)]
        return (sum(part.numel() for part in tensors),)
    # Not a tensor: a size that tracing could not settle.
    if not isinstance(value, torch.Tensor) or not all(type(n) is int for n in value.shape):
        raise LitheError(
            f"{node.target} has a size that depends on the values in the input, which a fixed "
            "graph cannot hold"
        )
    return tuple(value.shape)


def arguments(node: FxNode) -> list[FxNode]:
    """Every value that a call reads, in the order of its arguments."""
    leaves = flat((*node.args, *node.kwargs.values()))
    return [leaf for leaf in leaves if isinstance(leaf, FxNode)]


def flat(args: Any) -> list[Any]:
    """The leaves of nested lists and tuples, in order."""
    if isinstance(args, list | tuple):
        return [leaf for arg in args for leaf in flat(arg)]
    return [args]


def module_path(node: FxNode) -> str:
    """The innermost module that the call ran in, as torch names it."""
    stack = node.meta.get("nn_module_stack") or {}
    return str(list(stack.values())[-1][0]) if stack else ""


_FRAME = re.compile(r'^\s*File "(.+)", line (\d+)', re.MULTILINE)
_TORCH = str(Path(torch.__file__).parent)


def source_line(node: FxNode) -> str:
    """The innermost line outside torch that led to the call, `file.py:12`; "" if unknown."""
    frames = _FRAME.findall(node.meta.get("stack_trace") or "")
    own = [(path, line) for path, line in frames if not path.startswith(_TORCH)]
    return f"{Path(own[-1][0]).name}:{own[-1][1]}" if own else ""


class Arguments:
    """The arguments of a call by the names in its schema, defaults filled in.

    `known` names the values that do not depend on the input.
    """

    def __init__(self, node: FxNode, known: Collection[str] = ()) -> None:
        self.node, self.known = node, known
        schema = node.target._schema.arguments  # type: ignore[union-attr]
        self._values = {arg.name: arg.default_value for arg in schema if arg.has_default_value()}
        self._values |= {arg.name: v for arg, v in zip(schema, node.args, strict=False)}
        self._values |= dict(node.kwargs)
        self._names = [arg.name for arg in schema]

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def shape(self, name: str) -> Shape:
        """Shape of an argument that is a tensor."""
        return seen_shape(self[name])

    def tensors(self) -> list[FxNode]:
        """All values that the call reads, in the order of its schema."""
        leaves = flat([self._values.get(name) for name in self._names])
        return [leaf for leaf in leaves if isinstance(leaf, FxNode)]

    def operands(self) -> Operands:
        """The shapes of the known ones among `tensors`, None for the others; () without any."""
        shapes = [seen_shape(t) if t.name in self.known else None for t in self.tensors()]
        return tuple(shapes) if any(shape is not None for shape in shapes) else ()

    def depends(self, name: str) -> bool:
        """Whether an argument depends on the input."""
        value = self[name]
        return isinstance(value, FxNode) and value.name not in self.known

    def sizes(self, name: str, count: int) -> Shape:
        """An argument for `count` axes, which may be written as one number."""
        value = self[name]
        each = (value,) if isinstance(value, int) else tuple(value)
        return each * count if len(each) == 1 else each

    def pair(self, name: str, default: Pair = (0, 0)) -> Pair:
        """An argument for two axes, which may be written as one number."""
        value = self[name]
        if isinstance(value, int):
            return value, value
        if not value:
            return default
        return (value[0], value[0]) if len(value) == 1 else (value[0], value[1])

    def unknown(self, why: str) -> Unknown:
        """This call as an operator without a rule, and the reason."""
        return Unknown(f"{self.node.target} {why}", seen_shape(self.node))
