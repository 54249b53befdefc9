"""What does not depend on the input of a traced program, worked out with torch."""

from typing import Any

import torch
from torch import Tensor
from torch.export import ExportedProgram
from torch.fx import Node as FxNode

from lithe.errors import LitheError
from lithe.graph.fx import arguments
from lithe.graph.model import Array


def array_of(value: Tensor) -> Array:
    """A tensor's numbers, in its own memory where NumPy has its type."""
    value = value.float() if value.dtype == torch.bfloat16 else value
    array: Array = value.detach().cpu().resolve_conj().resolve_neg().numpy()
    return array


class Constants:
    """The values of a program's constants, each worked out at most once."""

    def __init__(self, program: ExportedProgram) -> None:
        self._nodes = {node.name: node for node in program.graph.nodes}
        self._values: dict[str, Any] = {}
        signature = program.graph_signature
        weights = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
        for name, target in weights.items():
            held = program.state_dict if target in program.state_dict else program.constants
            self._values[name] = held[target].detach()
        for name, target in signature.inputs_to_lifted_tensor_constants.items():
            self._values[name] = program.constants[target].detach()

    def value(self, name: str) -> Any:
        """What the call or weight that torch names so gives: a tensor, or a list of them.

        Raises:
            LitheError: it depends on random numbers.
        """
        with torch.no_grad():
            for node in self._needed(name):
                self._values[node.name] = self._run(node)
        return self._values[name]

    def array(self, name: str) -> Array:
        """The value of the call or weight that torch names so.

        Raises:
            LitheError: it depends on random numbers, or has no values (a meta tensor).
        """
        value = self.value(name)
        if not isinstance(value, Tensor) or value.is_meta:
            raise LitheError(f"{name} is a constant without values")
        return array_of(value)

    def _needed(self, name: str) -> list[FxNode]:
        """The calls before `name` that have not run yet, in an order in which they can."""
        wanted, todo = set(), [name]
        while todo:
            name = todo.pop()
            if name not in self._values and name not in wanted:
                wanted.add(name)
                todo += [value.name for value in arguments(self._nodes[name])]
        return [node for name, node in self._nodes.items() if name in wanted]

    def _run(self, node: FxNode) -> Any:
        target: Any = node.target
        if is_random(node):
            raise LitheError(
                f"{target} draws random numbers, which would be the same in every run; "
                "draw them outside the module and hand them in"
            )
        args: Any
        args, kwargs = torch.fx.map_arg(
            (node.args, node.kwargs), lambda read: self._values[read.name]
        )
        schema = getattr(target, "_schema", None)
        if schema is not None and schema.is_mutable:
            args = (args[0].clone(), *args[1:])  # a weight of the module is not ours to change
        return target(*args, **kwargs)


def is_random(node: FxNode) -> bool:
    """Whether a call draws random numbers."""
    return torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ())
