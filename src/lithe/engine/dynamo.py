"""`torch.compile(model, backend="lithe")`: inference of what the engine knows, PyTorch the rest.

torch traces a function into graphs, with its weights as inputs, and gives each to `backend`.
A graph is compiled when it is first run, once for every combination of input shapes. Where a
gradient is wanted, or anything is written to (training), the graph runs as it would without
this backend, and one warning says so.
"""

import logging
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch._dynamo import convert_frame
from torch.fx import Node as FxNode

from lithe.engine.cache import Cache
from lithe.engine.compile import compile_model
from lithe.engine.network import CompiledNetwork
from lithe.engine.partition import cut
from lithe.engine.target import instruction_set
from lithe.errors import LitheError
from lithe.graph.capture import quietly
from lithe.graph.fx import flat
from lithe.graph.model import Model
from lithe.graph.overwriting import without_overwriting
from lithe.graph.passes import simplify
from lithe.graph.varying import changed_inputs, varying_calls

# Combinations of input shapes that one graph is compiled for.
MOST_SHAPES = 8
# Calls in a row that find other weights before it is said.
MOST_CHANGES = 8

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


@dataclass(frozen=True, slots=True)
class _Ready:
    """What to run for inputs of some shapes; None: the graph as it is, in PyTorch.

    `weights` tells which ones are packed, and `held` keeps their memory from being given to
    others, which could not be told from them.
    """

    run: Run | None
    weights: list[tuple[int, int]]
    held: tuple[Tensor, ...]


class _Compiled:
    """A graph of `torch.compile`, compiled for each combination of input shapes.

    Weights are inputs of the graph, and are packed when it is compiled. One that was written
    to or replaced since is noticed at the next call, which PyTorch runs; the call after it,
    if the weights stayed, packs them anew. So weights that change with every call are never
    packed in vain.
    """

    def __init__(self, gm: fx.GraphModule, build: Build) -> None:
        self._gm, self._build = gm, build
        places = list(enumerate(gm.graph.find_nodes(op="placeholder")))
        self._fixed = tuple(index for index, node in places if _is_weight(node))
        self._varying = tuple(index for index, node in places if not _is_weight(node))
        self._numbers = tuple(index for index, node in places if _is_number(node))
        self._ready: dict[Any, _Ready] = {}  # by shapes
        self._weights: Any = None  # those of the latest call
        self._restless = 0  # calls in a row that found other weights
        self._refused = False

    def __call__(self, *args: Any) -> Any:
        given = [args[index] for index in self._varying]
        if self._refused or not all(map(_is_plain, given)):
            return self._gm.forward(*args)
        weights = _state([args[index] for index in self._fixed])
        key = tuple(map(_form, given))
        if self._numbers:
            key += tuple(args[index].item() for index in self._numbers)
        ready = self._ready.get(key)
        if ready is None or ready.weights != weights:
            ready = self._prepared(args, key, weights)
        if ready is None or ready.run is None:
            return self._gm.forward(*args)
        with torch.no_grad():
            return ready.run(*given)

    def _prepared(self, args: Sequence[Any], key: Any, weights: Any) -> _Ready | None:
        """What is ready from now on for inputs like these; None: nothing, this time."""
        # torch's own lock: while one thread traces, no other may.
        with convert_frame.compile_lock:
            before, self._weights = self._weights, weights
            if weights is None:
                self._refuse("weights made under torch.inference_mode() cannot be watched")
            elif before is not None and before != weights:
                self._ready.clear()
                self._restless += 1
                if self._restless == MOST_CHANGES:
                    _say_once("the weights change with every call, which PyTorch runs therefore")
                return None
            self._restless = 0
            ready = self._ready.get(key)
            if self._refused or (ready is not None and ready.weights == weights):
                return None if self._refused else ready  # another thread was here first
            if len(self._ready) >= MOST_SHAPES:
                self._refuse(f"inputs of more than {MOST_SHAPES} different shapes")
                return None
            try:
                run = self._made(args)
            except LitheError as error:
                self._refuse(str(error))
            except Exception as error:  # whatever it is, PyTorch can still run the graph
                self._refuse(f"{type(error).__name__}: {str(error).partition(chr(10))[0]}")
            else:
                held = tuple(args[index].detach() for index in self._fixed)
                self._ready[key] = _Ready(run, weights, held)
            return self._ready.get(key)

    def _refuse(self, reason: str) -> None:
        self._refused = True
        self._ready.clear()
        _say_once(f"a graph runs in PyTorch: {reason}")

    def _made(self, args: Sequence[Any]) -> Run | None:
        calls = _specialized(self._gm, {index: args[index] for index in self._numbers})
        held = _Held(calls, {index: args[index] for index in self._fixed})
        given = tuple(args[index] for index in self._varying)
        # Outside of inference mode, as its tensors cannot be traced.
        with torch.inference_mode(False), torch.no_grad(), quietly():
            with fx.traceback.preserve_node_meta():
                program = torch.export.export(held, given, strict=False)
            changed = changed_inputs(program)
            program = without_overwriting(program)
            if changed or changed_inputs(program):
                raise LitheError("it writes to its inputs or buffers, as in training")
            if any(node.op == "get_attr" for node in program.graph.nodes):
                raise LitheError("it switches autocast or another mode on its way")
            parts = cut(varying_calls(program), self._build)
        _log.info("a graph has %d parts in the engine", len(parts.networks))
        for call in parts.in_pytorch:
            _log.info("PyTorch runs %s: %s", call, call.reason)
        return parts.run.forward if parts.networks else None


class _Held(nn.Module):
    """A graph that holds its weights: what is left are its inputs."""

    def __init__(self, calls: fx.GraphModule, weights: dict[int, Tensor]) -> None:
        super().__init__()
        self._calls = fx.Interpreter(calls)
        self._names = {index: f"weight_{index}" for index in weights}
        for index, weight in weights.items():
            self.register_buffer(self._names[index], weight.detach())

    def forward(self, *given: Any) -> Any:
        rest = iter(given)
        count = len(given) + len(self._names)
        args = [
            getattr(self, self._names[index]) if index in self._names else next(rest)
            for index in range(count)
        ]
        return self._calls.run(*args)


def _specialized(gm: fx.GraphModule, numbers: dict[int, Tensor]) -> fx.GraphModule:
    """A copy of a graph for these numbers, and without changes of the gradient mode.

    All of a compiled graph runs without gradients.
    """
    graph = fx.Graph()
    graph.output(graph.graph_copy(gm.graph, {}))
    for index, node in enumerate(graph.find_nodes(op="placeholder")):
        if index in numbers:
            for user in list(node.users):
                user.replace_all_uses_with(numbers[index].item())
                graph.erase_node(user)
    for node in list(graph.nodes):
        if node.target is torch._C._set_grad_enabled:
            graph.erase_node(node)
    return fx.GraphModule(gm, graph)


def _is_number(node: FxNode) -> bool:
    """Whether torch hands a float of the user's in as a tensor, only to ask for it."""
    seen = node.meta.get("example_value")
    scalar = isinstance(seen, Tensor) and seen.ndim == 0 and seen.device.type == "cpu"
    return scalar and bool(node.users) and all(user.target == "item" for user in node.users)


def _is_weight(node: FxNode) -> bool:
    """Whether an input of a graph is a parameter, or a buffer of a module, to torch."""
    seen = node.meta.get("example_value")
    if _is_number(node) or not isinstance(seen, Tensor):
        return False
    # A plain tensor in an attribute is no weight: it may be what one call leaves for the next.
    given = node.meta.get("tensor_dict") or {}
    return isinstance(seen, nn.Parameter) or "_dynamo_static_input_type" in given


def _state(weights: Sequence[Tensor]) -> Any:
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
