"""`torch.compile(model, backend="lithe")`: inference of what the engine knows, PyTorch the rest.

torch traces a function into graphs, with its weights as inputs, and gives each to `backend`.
A graph is compiled when it is first run, once for every combination of input shapes. Where a
gradient is wanted, or anything is written to (training), the graph runs as it would without
this backend, and one warning says so.
"""

import logging
import warnings
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch._dynamo import convert_frame
from torch.fx import Node as FxNode

from lithe.engine.cache import Cache
from lithe.engine.compile import compile_model
from lithe.engine.dynamo_graph import Inputs, program_of
from lithe.engine.network import CompiledNetwork
from lithe.engine.partition import cut
from lithe.engine.runtime import give_back
from lithe.engine.target import instruction_set
from lithe.errors import LitheError
from lithe.graph.fx import flat
from lithe.graph.model import Model
from lithe.graph.passes import simplify

# Combinations of input shapes that one graph is compiled for.
MOST_SHAPES = 8
# Modules that share a graph, each with weights of its own, that it is compiled for.
MOST_WEIGHTS = 64
# Calls in a row that find other weights before it is said: more than modules have a graph.
MOST_CHANGES = 100

_OPTIONS = ("threads", "target", "cache")
_log = logging.getLogger(__name__)

Build = Callable[[Model], CompiledNetwork]
Run = Callable[..., Any]


def backend(
    gm: fx.GraphModule,
    example_inputs: Sequence[Any],
    *,
    mode: str | None = None,
    options: dict[str, Any] | None = None,
) -> Run:
    """What `torch.compile` calls with a graph that it has traced.

    `options` are `threads`, `target` and `cache`, as of `lithe.compile`; there are no modes.

    Raises:
        LitheError: an option that there is not, or a value that it does not take.
    """
    if mode is not None:
        raise LitheError(f"backend lithe has no modes such as {mode!r}; leave mode out")
    build = _builder(options or {})
    if _wants_gradient(gm):
        _say_once(
            "a gradient is wanted, and the engine has none; for inference call the model under "
            "torch.no_grad() or torch.inference_mode()"
        )
        return gm.forward
    if any(True for _ in (*gm.parameters(), *gm.buffers())):
        _say_once("a graph runs in PyTorch: its weights are inside of it and cannot be watched")
        return gm.forward
    return _Compiled(gm, build)


def _builder(options: dict[str, Any]) -> Build:
    unknown = sorted(set(options) - set(_OPTIONS))
    if unknown:
        raise LitheError(f"no option {unknown[0]!r} of backend lithe; it has {', '.join(_OPTIONS)}")
    isa, threads = instruction_set(options.get("target")), options.get("threads")
    if threads is not None and (type(threads) is not int or threads < 1):
        raise LitheError(f"threads={threads!r}; a network needs 1 or more")
    cache = Cache(options.get("cache"))
    return lambda model: compile_model(simplify(model), isa, threads, cache)


def _wants_gradient(gm: fx.GraphModule) -> bool:
    returned = flat(gm.graph.output_node().args)
    seen = [node.meta.get("example_value") for node in returned if isinstance(node, FxNode)]
    return any(isinstance(value, Tensor) and value.requires_grad for value in flat(seen))


class _Compiled:
    """A graph of `torch.compile`, compiled for each combination of input shapes.

    Weights are inputs of the graph, and are packed when it is compiled; several modules of one
    class may share a graph, each with weights of its own. One that was written to or replaced
    is noticed at the next call, which PyTorch runs; the call after it, if the weights stayed,
    packs them anew. So weights that change with every call are never packed in vain.
    """

    def __init__(self, gm: fx.GraphModule, build: Build) -> None:
        self._gm, self._build = gm, build
        self._inputs = Inputs(gm)
        self._packed: dict[tuple[int, ...], _Packed] = {}  # by the weights' identities
        self._restless = 0  # calls in a row that found other weights
        self._refused = False

    def __call__(self, *args: Any) -> Any:
        given = [args[index] for index in self._inputs.varying]
        if self._refused or not all(map(_is_plain, given)):
            return self._gm.forward(*args)
        weights = [args[index] for index in self._inputs.weights]
        form = tuple(map(_form, given))
        if self._inputs.numbers:
            form += tuple(args[index].item() for index in self._inputs.numbers)
        packed = self._packed.get(tuple(map(id, weights)))
        if packed is None or form not in packed.ready or packed.state != _state(weights):
            run = self._prepared(args, form, weights)
        else:
            run = packed.ready[form]
        if run is None:
            return self._gm.forward(*args)
        with torch.no_grad():
            return run(*given)

    def _prepared(self, args: Sequence[Any], form: Any, weights: list[Tensor]) -> Run | None:
        """What runs calls like this one; None: the graph as it is, in PyTorch."""
        # torch's own lock: while one thread traces, no other may.
        with convert_frame.compile_lock:
            packed = self._settled(weights)
            if packed is None or self._refused:
                return None
            if form not in packed.ready:
                if len(packed.ready) == MOST_SHAPES:
                    self._refuse(f"inputs of more than {MOST_SHAPES} different shapes")
                    return None
                try:
                    packed.ready[form] = self._made(args)
                except LitheError as error:
                    self._refuse(str(error))
                except Exception as error:  # whatever it is, PyTorch can still run the graph
                    self._refuse(f"{type(error).__name__}: {str(error).partition(chr(10))[0]}")
            return packed.ready.get(form)

    def _settled(self, weights: list[Tensor]) -> "_Packed | None":
        """Where these weights are packed; None where they were others at the last call."""
        state = _state(weights)
        if state is None:
            self._refuse("weights made under torch.inference_mode() cannot be watched")
            return None
        key = tuple(map(id, weights))
        packed = self._packed.get(key)
        if packed is not None and packed.state == state:
            self._restless = 0
            return packed
        first = not self._packed
        packed = _Packed(weights, state)
        self._packed = {k: p for k, p in self._packed.items() if k != key and p.is_alive()}
        for oldest in list(self._packed)[: len(self._packed) + 1 - MOST_WEIGHTS]:
            del self._packed[oldest]
        self._packed[key] = packed
        self._restless += 1
        if self._restless == MOST_CHANGES:
            _say_once("the weights change with every call, which PyTorch runs therefore")
        return packed if first else None

    def _refuse(self, reason: str) -> None:
        self._refused = True
        self._packed.clear()
        _say_once(f"a graph runs in PyTorch: {reason}")

    def _made(self, args: Sequence[Any]) -> Run | None:
        parts = cut(program_of(self._gm, self._inputs, args), self._build)
        give_back()
        _log.info("a graph has %d parts in the engine", len(parts.networks))
        for call in parts.in_pytorch:
            _log.info("PyTorch runs %s: %s", call, call.reason)
        return parts.run.forward if parts.networks else None


class _Packed:
    """Weights as they were when they were packed, and what runs with them, by input shapes."""

    def __init__(self, weights: list[Tensor], state: list[tuple[int, int]]) -> None:
        self.state = state
        self.ready: dict[Any, Run | None] = {}
        self._owners = tuple(map(weakref.ref, weights))
        # Their memory must not be given to others, which could not be told from them.
        self._held = tuple(weight.detach() for weight in weights)

    def is_alive(self) -> bool:
        """Whether a module may still have these weights."""
        return all(owner() is not None for owner in self._owners)


def _state(weights: Sequence[Tensor]) -> list[tuple[int, int]] | None:
    """What tells whether weights are still the same; None if nothing does."""
    try:
        return [(weight.data_ptr(), weight._version) for weight in weights]
    except RuntimeError:  # a tensor of inference mode counts no changes
        return None


def _is_plain(value: Any) -> bool:
    return not isinstance(value, Tensor) or type(value) in (Tensor, nn.Parameter)


def _form(value: Any) -> Any:
    return (value.shape, value.stride(), value.dtype) if isinstance(value, Tensor) else value


_said: set[str] = set()


def _say_once(reason: str) -> None:
    """Warn once in a process: torch.compile makes many graphs of one model."""
    if reason not in _said:
        _said.add(reason)
        warnings.warn(f"torch.compile(backend='lithe'): {reason}", stacklevel=3)
