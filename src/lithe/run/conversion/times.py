"""What layers and their replacements take by themselves, in lithe's engine and in eager PyTorch."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from lithe.cost import cost
from lithe.engine.compile import compile
from lithe.engine.source import model_from
from lithe.graph.ops import Shape
from lithe.profiling.eager_run import channels_last, eager_way, laid_out
from lithe.profiling.rounds import Way
from lithe.profiling.turns import in_turns, way_of
from lithe.progress import SILENT
from lithe.runtimes import Ready

LONGEST_S = 0.15  # of timing, for each module


def inputs_of(network: nn.Module, x: Tensor, layers: Sequence[str]) -> dict[str, Shape]:
    """The shape of what each layer is given when the network runs on `x`."""
    seen: dict[str, Shape] = {}
    with _seen(network, layers, seen), torch.inference_mode():
        network(x)
    return seen


def times_of(modules: Sequence[nn.Module], shape: Shape, threads: int) -> tuple[float, ...]:
    """Median seconds of each in the engine for one shape, in turns, on so many threads.

    Each is compiled by itself, so that what the engine fuses with its neighbours is not seen,
    and its input is in the caches.

    Raises:
        LitheError: the engine does not run one of them.
    """
    x = torch.randn(shape)
    return _medians(
        [
            way_of(Ready(compile(each, shape, threads=threads), "lithe", threads), x)
            for each in modules
        ]
    )


def eager_times_of(modules: Sequence[nn.Module], shape: Shape) -> tuple[float, ...]:
    """The same in eager PyTorch on its own threads, all in the layout it is quickest in."""
    x = laid_out(torch.randn(shape))
    return _medians([eager_way(channels_last(each), x) for each in modules])


def macs_of(module: nn.Module, shape: Shape) -> int:
    """Multiply-accumulates of a module for an input of that shape."""
    return cost(model_from(module, shape).graph).macs


def _medians(ways: Sequence[Way]) -> tuple[float, ...]:
    with SILENT.task("timing", 1) as advance:
        runs = in_turns(ways, advance, LONGEST_S * len(ways))
    return tuple(run.total.p50_s for run in runs)


@contextmanager
def _seen(network: nn.Module, layers: Sequence[str], seen: dict[str, Shape]) -> Iterator[None]:
    hooks = []
    for name in layers:

        def hook(
            _: nn.Module, inputs: tuple[Tensor, ...], named: dict[str, Tensor], name: str = name
        ) -> None:
            seen[name] = tuple((*inputs, *named.values())[0].shape)

        module = network.get_submodule(name)
        hooks.append(module.register_forward_pre_hook(hook, with_kwargs=True))
    try:
        yield
    finally:
        for each in hooks:
            each.remove()
