"""A network in eager PyTorch, ready to be measured call by call."""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from lithe.cost import Layer, LayerCost
from lithe.errors import LitheError
from lithe.graph.capture import Traced
from lithe.profiling.eager_calls import eager_program
from lithe.profiling.eager_program import EagerProgram, EagerRunner
from lithe.profiling.rounds import StepWork, Way

# Of the largest output: the calls are the module's own, in the module's order.
TOLERANCE = 1e-5


def channels_last(module: nn.Module) -> nn.Module:
    """A copy on the CPU in inference mode, in the layout in which eager PyTorch is quickest."""
    twin = copy.deepcopy(module).eval().to("cpu")
    # The stubs of Module.to do not know memory_format, though it is documented.
    return twin.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def laid_out(x: Tensor) -> Tensor:
    """An input in that layout, where it is one of images."""
    return x.to(memory_format=torch.channels_last) if x.dim() == 4 else x


def program_of(trace: Traced, module: nn.Module) -> EagerProgram:
    """The calls of a trace on the weights of `module`, which is a copy of what was traced.

    Raises:
        LitheError: as `eager_program`.
    """
    weights = {
        **dict(module.named_parameters(remove_duplicate=False)),
        **dict(module.named_buffers(remove_duplicate=False)),
    }
    return eager_program(trace, {name: each.detach() for name, each in weights.items()})


def eager_way(module: nn.Module, x: Tensor) -> Way:
    """How to run a module as it is."""

    def whole() -> object:
        with torch.inference_mode():
            return module(x)

    return Way("eager", torch.get_num_threads(), whole)


def eager_steps(
    way: Way,
    module: nn.Module,
    trace: Traced,
    program: EagerProgram,
    x: Tensor,
    layers: Sequence[Layer],
    costs: Sequence[LayerCost],
) -> Way:
    """The same, taken apart: the calls that work for a layer together are a step.

    A step's bytes are those that a layer moves at least; batch norm and activation are calls
    of their own here, which read and write once more.

    Raises:
        LitheError: call by call the outputs are not those of the module.
    """
    runner = EagerRunner(program, module)
    _check(pytree.tree_leaves(way.whole()), runner.run(x)[0])
    layer_of = {node.output: i for i, layer in enumerate(layers) for node in layer.nodes}
    groups: dict[int | str, list[int]] = {}  # calls of a layer, or of none
    named: dict[int | str, set[int]] = {}
    for at, call in enumerate(program.calls):
        indices = [layer_of[name] for name in trace.made.get(call.name, ()) if name in layer_of]
        key = indices[-1] if indices else "constants"
        groups.setdefault(key, []).append(at)
        named.setdefault(key, set()).update(indices)
    # A layer that a call works for on its way to another one is that other one's.
    steps = []
    for key, calls in groups.items():
        indices = sorted(named[key])
        steps.append(
            StepWork(
                costs[key].path if isinstance(key, int) else key,
                " + ".join(_word(program.calls[at].target) for at in calls),
                tuple(indices),
                sum(costs[index].macs for index in indices),
                sum(costs[index].moved_bytes for index in indices),
            )
        )
    parts = list(groups.values())

    def timed() -> Sequence[float]:
        stamps = runner.run(x)[1]
        return [sum(stamps[at + 1] - stamps[at] for at in calls) for calls in parts]

    return Way(way.runtime, way.threads, way.whole, timed, tuple(steps))


def _check(right: Sequence[object], found: Sequence[Tensor]) -> None:
    tensors = [each for each in right if isinstance(each, Tensor)]
    for ours, theirs in zip(found, tensors, strict=True):
        off = float((ours - theirs).abs().max()) if ours.numel() else 0.0
        limit = TOLERANCE * float(theirs.abs().max())
        if not off <= limit:
            raise LitheError(
                f"call by call the outputs are off by {off:.2g}, more than {limit:.2g}"
            )


def _word(target: str) -> str:
    """`aten.conv2d.default` is conv2d."""
    return target.split(".")[1] if "." in target else "getitem"
