"""A module of which the engine runs what it can, and PyTorch the rest."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from lithe.engine.network import CompiledNetwork, Schedule, ScheduleStep
from lithe.engine.partition import InPyTorch, Parts, cut
from lithe.errors import LitheError
from lithe.graph.capture import exported
from lithe.graph.fx import arguments, flat
from lithe.graph.model import Model
from lithe.graph.ops import Shape
from lithe.graph.varying import check_unchanging, varying_calls

_NAMED = 8  # calls in a warning; all of them are in `fallback`


class PartlyCompiled:
    """A module that was compiled in parts; `lithe.compile(..., fallback=True)` makes it.

    It is called as the module is, and returns what that returns (a dict, a nested tuple), with
    NumPy arrays for NumPy arrays; nothing has a gradient. Inputs have the shapes of the
    example, its batch size included: PyTorch's part is a fixed program. Floating-point inputs
    are converted to the example's type.

    `fallback` is what PyTorch runs, each call with its module, source line and reason.
    `schedule` has these calls between the steps of the engine. `peak_activation_bytes` is that
    of the largest part: PyTorch's own tensors are not in it. Like a compiled network it may be
    called from several threads, and holds copies of the weights.
    """

    def __init__(self, parts: Parts, returns: pytree.TreeSpec) -> None:
        self._run, self._returns = parts.run, returns
        for name, held in list(parts.run.named_buffers(recurse=False)):
            setattr(parts.run, name, held.clone())
        nodes = parts.run.graph.nodes
        self._inputs: tuple[Tensor, ...] = tuple(
            node.meta["val"] for node in nodes if node.op == "placeholder"
        )
        returned = [node.meta.get("val") for node in arguments(parts.run.graph.output_node())]
        self.input_shapes: tuple[Shape, ...] = tuple(tuple(each.shape) for each in self._inputs)
        self.output_shapes: tuple[Shape, ...] = tuple(
            tuple(each.shape) for each in flat(returned) if isinstance(each, Tensor)
        )
        self.fallback: tuple[InPyTorch, ...] = parts.in_pytorch
        self.networks: tuple[CompiledNetwork, ...] = parts.networks
        self.threads = max((each.threads for each in parts.networks), default=1)
        self.target = next((each.target for each in parts.networks), "")
        self.weight_bytes = sum(each.weight_bytes for each in parts.networks) + sum(
            held.nbytes for held in parts.run.buffers(recurse=False)
        )
        self.peak_activation_bytes = max(
            (each.peak_activation_bytes for each in parts.networks), default=0
        )
        self.schedule = _schedule(parts)

    def __repr__(self) -> str:
        shapes = ", ".join(map(str, self.input_shapes))
        return (
            f"<partly compiled network for {shapes}: {len(self.networks)} parts, "
            f"{len(self.fallback)} calls of PyTorch, threads={self.threads}>"
        )

    def __call__(self, *inputs: Any) -> Any:
        """What the module returns for these inputs.

        Raises:
            LitheError: inputs of another number, type or shape than it was compiled for.
        """
        if len(inputs) != len(self._inputs):
            raise LitheError(
                f"this network takes {len(self._inputs)} inputs and was given {len(inputs)}"
            )
        given = [_tensor(*pair) for pair in zip(inputs, self._inputs, strict=True)]
        with torch.no_grad():
            returned = pytree.tree_unflatten(self._run(*given), self._returns)
        if any(isinstance(value, Tensor) for value in inputs):
            return returned
        return pytree.tree_map_only(Tensor, lambda value: value.numpy(), returned)


def partly_compiled(
    module: nn.Module, inputs: Any, build: Callable[[Model], CompiledNetwork]
) -> PartlyCompiled:
    """Compile what can be of a module, with one warning that names the rest.

    `inputs` are as in `lithe.graph.capture.capture_model`; `build` makes a network of a model
    or raises `LitheError`.

    Raises:
        LitheError: the module cannot be captured, or changes in every run.
    """
    name = type(module).__name__
    program = exported(module, inputs)
    check_unchanging(program, name)
    parts = cut(varying_calls(program), build)
    calls = list(dict.fromkeys(map(str, parts.in_pytorch)))
    more = f" and {len(calls) - _NAMED} more, see `fallback`" if len(calls) > _NAMED else ""
    whole = "" if parts.networks else "all of it, "
    warnings.warn(f"{name}: PyTorch runs {whole}{', '.join(calls[:_NAMED])}{more}", stacklevel=3)
    return PartlyCompiled(parts, program.call_spec.out_spec)


def _tensor(value: Any, seen: Tensor) -> Any:
    if isinstance(value, np.ndarray):
        value = torch.from_numpy(np.array(value))  # a copy, as torch wants to write to it
    if not isinstance(value, Tensor):
        raise LitheError(
            f"a compiled network takes tensors or NumPy arrays, not {type(value).__name__}"
        )
    if value.shape != seen.shape:
        raise LitheError(
            f"the network takes an input of shape {tuple(seen.shape)} and was given "
            f"{tuple(value.shape)}; with parts in PyTorch it runs no other"
        )
    if value.dtype != seen.dtype and not (
        value.is_floating_point() and seen.dtype.is_floating_point
    ):
        raise LitheError(f"the network takes an input of {seen.dtype} and was given {value.dtype}")
    if value.device.type != "cpu":
        raise LitheError(f"a compiled network takes a tensor on the CPU, not on {value.device}")
    # In the example's order too: PyTorch's views are made for it.
    value = value.detach().to(seen.dtype)
    if value.stride() == seen.stride():
        return value
    return torch.empty_strided(seen.shape, seen.stride(), dtype=seen.dtype).copy_(value)


def _schedule(parts: Parts) -> Schedule:
    steps: list[ScheduleStep] = []
    notes: list[str] = []
    for each in parts.order:
        if isinstance(each, CompiledNetwork):
            steps += each.schedule.steps
            notes += each.schedule.notes
        else:
            steps.append(ScheduleStep(each.path, f"PyTorch {each.operator}", 1, 0))
            notes.append(f"PyTorch runs {each}: {each.reason}")
    return Schedule(tuple(steps), tuple(dict.fromkeys(notes)))
