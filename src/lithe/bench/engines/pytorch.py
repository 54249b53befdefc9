"""PyTorch: eager, channels last, and its own compiler."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn

from lithe.bench.cells import find_network
from lithe.bench.engines import Case, Loaded
from lithe.bench.networks import build_network


def module(case: Case) -> tuple[nn.Module, Tensor]:
    """The network with the weights of the cell, and its input (n, 3, h, w)."""
    torch.set_num_threads(case.threads)
    folder = Path(case.folder)
    model = build_network(find_network(case.network), case.resolution)
    state = model.state_dict()  # it carries versions of modules, which the file does not
    state.update(safetensors.torch.load_file(folder / "weights.safetensors"))
    model.load_state_dict(state)
    return model, torch.from_numpy(np.load(folder / "input.npy"))


def eager(case: Case) -> Loaded:
    """As PyTorch comes."""
    model, x = module(case)
    return _loaded(model, x)


def channels_last(case: Case) -> Loaded:
    """The layout in which depthwise convolutions are quickest in PyTorch."""
    model, x = module(case)
    # The stubs of Module.to do not know memory_format, though it is documented.
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return _loaded(model, x.to(memory_format=torch.channels_last))


def inductor(case: Case) -> Loaded:
    """`torch.compile` as it comes; it needs a C++ compiler on the machine."""
    model, x = module(case)
    loaded = _loaded(torch.compile(model), x)
    loaded.run()
    return loaded


def _loaded(model: Callable[[Tensor], Tensor], x: Tensor) -> Loaded:
    def run() -> Tensor:
        with torch.inference_mode():
            return model(x)

    return Loaded(run, lambda: run().numpy(), {})
