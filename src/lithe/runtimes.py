"""What can run a network for its answers: lithe's engine, or PyTorch as it is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lithe.errors import LitheError

if TYPE_CHECKING:
    from torch import Tensor, nn

RuntimeName = Literal["lithe", "eager"]
DEFAULT: RuntimeName = "lithe"


@dataclass(frozen=True, slots=True)
class Ready:
    """A network that is ready to run: called with inputs n c h w, it returns its logits n c.

    It runs on a copy of the weights. `threads` is how many a call uses at most.
    """

    call: "Callable[[Tensor], Tensor]"
    runtime: RuntimeName
    threads: int


def engine(network: "nn.Module", shape: tuple[int, ...]) -> Ready:
    """Compiled for this processor, on the CPU wherever the network is.

    It uses as many threads as torch has, but no more than have 2 million MACs each to do in
    one call with an input of that shape. Other batch sizes run too.

    Raises:
        LitheError: the engine does not run on this machine, or not this network.
    """
    try:
        return only_engine(network, shape)
    except LitheError as error:
        raise _without_engine(str(error)) from None


def only_engine(network: "nn.Module", shape: tuple[int, ...], threads: int | None = None) -> Ready:
    """`engine` for those who cannot do with another runtime: errors do not name one.

    On as many threads as suit the network, if it is not said on how many.

    Raises:
        LitheError: the engine does not run on this machine, or not this network.
    """
    import torch

    check_engine()
    from lithe.engine.compile import compile
    from lithe.engine.programs import default_threads
    from lithe.engine.source import model_from

    model = model_from(network, shape)
    threads = threads or default_threads(model.graph, torch.get_num_threads())
    return Ready(compile(model, threads=threads), "lithe", threads)


def eager(network: "nn.Module", shape: tuple[int, ...]) -> Ready:
    """PyTorch as it is, where the network is, channels last, the layout it is quickest in."""
    import copy

    import torch

    # The stubs of Module.to do not know memory_format, though it is documented.
    model = copy.deepcopy(network).eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    device = next(network.parameters()).device

    def call(x: "Tensor") -> "Tensor":
        with torch.inference_mode():
            y = model(x.to(device, memory_format=torch.channels_last))
        assert isinstance(y, torch.Tensor)
        return y

    return Ready(call, "eager", torch.get_num_threads())


def check_runtime(name: RuntimeName) -> None:
    """Make sure that a runtime works on this machine, before anything long begins.

    Raises:
        LitheError: no runtime of that name, or a machine that the engine has no code for.
    """
    if name not in RUNTIMES:
        raise LitheError(f"no runtime {name!r}; there are {', '.join(RUNTIMES)}")
    if name != "lithe":
        return
    try:
        check_engine()
    except LitheError as error:
        raise _without_engine(str(error)) from None


def check_engine() -> None:
    """Make sure that the engine has code for this machine.

    Raises:
        LitheError: it has none; no other runtime is named.
    """
    import platform

    if platform.system() != "Linux":
        raise LitheError(f"the engine runs on Linux, not on {platform.system()}")
    from lithe.engine.target import instruction_set

    instruction_set()


def _without_engine(why: str) -> LitheError:
    return LitheError(f"{why}; --runtime eager (runtime='eager' in Python) runs it in PyTorch")


# One line for a new runtime.
RUNTIMES: "dict[RuntimeName, Callable[[nn.Module, tuple[int, ...]], Ready]]" = {
    "lithe": engine,
    "eager": eager,
}
# What a report calls them.
WORDS: dict[RuntimeName, str] = {"lithe": "lithe's engine", "eager": "eager PyTorch"}
