"""A traced network as the calls that eager PyTorch makes, one by one, without its Python.

Tensors are freed when the network itself would let go of them. The calls are named, not held,
so that a program can travel to another process that has none of the network's own code.
"""

import operator
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Ref:
    """A value of the program, where it stands among the arguments of a call."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """One call: `target` as torch names it, what it reads, what nobody holds after it.

    `module` is the path of the one module whose whole work it is, "" none.
    """

    name: str
    target: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    frees: tuple[str, ...]
    module: str = ""


@dataclass(frozen=True, slots=True)
class EagerProgram:
    """Calls in order, the weights that they read by name, names of the inputs and outputs."""

    calls: tuple[Call, ...]
    constants: Mapping[str, Tensor]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


_Filled = tuple[Sequence[Any], Mapping[str, Any]]
_Filler = Callable[[dict[str, Any]], _Filled]


class EagerRunner:
    """A program with its calls found, to be run often.

    Given the network, a call that is all that one of torch's own modules does is made by that
    module: its Python, some microseconds, is a part of what the layer takes.
    """

    def __init__(self, program: EagerProgram, network: nn.Module | None = None) -> None:
        self._program = program
        modules = dict(network.named_modules()) if network else {}
        self._calls = [
            (call.name, *_callable(call, program, modules.get(call.module)), call.frees)
            for call in program.calls
        ]

    def run(self, *inputs: Tensor) -> tuple[tuple[Tensor, ...], list[float]]:
        """The outputs, and when each call ended, its tensors freed: seconds, the start first."""
        values: dict[str, Any] = {**self._program.constants}
        values.update(zip(self._program.inputs, inputs, strict=True))
        clock = time.perf_counter
        with torch.inference_mode():
            stamps = [clock()]
            for name, function, fill, frees in self._calls:
                args, kwargs = fill(values)
                values[name] = function(*args, **kwargs)
                del args, kwargs
                for each in frees:
                    del values[each]
                stamps.append(clock())
        return tuple(values[name] for name in self._program.outputs), stamps


def _callable(
    call: Call, program: EagerProgram, module: nn.Module | None
) -> tuple[Callable[..., Any], _Filler]:
    match call.args:
        case (Ref(name), *rest) if (
            module is not None
            and call.module
            and type(module).__module__.startswith("torch.nn.modules.")
            and not list(module.children())
            and all(ref in program.constants for ref in _refs((rest, call.kwargs)))
            and name not in program.constants
        ):
            return module, _filler((Ref(name),), {})
        case _:
            return _function(call.target), _filler(call.args, call.kwargs)


def _function(target: str) -> Callable[..., Any]:
    if not target.startswith("<"):
        found: Any = torch.ops
        for part in target.split("."):
            found = getattr(found, part)
        return found  # type: ignore[no-any-return]
    return operator.getitem


def _filler(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> _Filler:
    """A function from the values to the arguments; quick where no list holds a value."""
    places = [(at, arg.name) for at, arg in enumerate(args) if isinstance(arg, Ref)]
    rest = [arg for arg in args if not isinstance(arg, Ref)]
    if kwargs or _refs(rest):
        return lambda values: _filled((args, kwargs), values)

    def fill(values: dict[str, Any]) -> _Filled:
        filled = list(args)
        for at, name in places:
            filled[at] = values[name]
        return filled, {}

    return fill


def _refs(value: Any) -> list[str]:
    """Names of the values that arguments hold."""
    match value:
        case Ref(name):
            return [name]
        case list() | tuple():
            return [name for each in value for name in _refs(each)]
        case dict():
            return _refs(list(value.values()))
        case _:
            return []


def _filled(value: Any, values: Mapping[str, Any]) -> Any:
    match value:
        case Ref(name):
            return values[name]
        case list() | tuple():
            return [_filled(each, values) for each in value]
        case dict():
            return {key: _filled(each, values) for key, each in value.items()}
        case _:
            return value
