"""`lithe.profile`: compute, memory and latency of one network, joined."""

from collections.abc import Sequence
from dataclasses import replace

from lithe.cpu import cpu_name
from lithe.device import Device
from lithe.errors import LitheError
from lithe.profiling.static import counted
from lithe.profiling.subject import Source, graph_of, subject_of
from lithe.profiling.values import Profile
from lithe.progress import SILENT, Progress
from lithe.runtimes import RUNTIMES, RuntimeName


def profile(
    model: Source,
    input_shape: Sequence[int] | None = None,
    *,
    static: bool = False,
    threads: int | None = None,
    runtimes: Sequence[RuntimeName] = ("lithe", "eager"),
    device: Device | None = None,
    progress: Progress | None = None,
) -> Profile:
    """What one run of a network costs: counted, planned, and measured on this machine.

    `model` is a torch module, an `Architecture`, a `lithe.graph` model, or the path of a
    `model.safetensors` or of an ONNX file; `input_shape` is n c h w and may be left out where
    the model says itself what it takes. A table is run with random weights.

    The latency of the whole and of each step is measured in each of `runtimes`, lithe's engine
    and eager PyTorch, in turns, which takes some seconds; no more than some twenty for a network
    that takes a second to run. `threads` is how many a run uses: as many as PyTorch has, in the
    engine no more than have 2 million MACs each to do, unless given. Then a process of its own
    loads and runs the network, to see how much memory that takes. What cannot be had here is
    left out, and `Profile.notes` say why.

    With `static`, nothing is run. With a `device` that is not this machine nothing is run
    either: `Profile.prediction` holds what it would need at least.

    Raises:
        LitheError: no input shape where one is needed, one that the network does not take, a
            module that `torch.export` cannot trace, a file that cannot be read, or an option
            that makes no sense.
    """
    if threads is not None and threads < 1:
        raise LitheError(f"threads={threads}; a run needs 1 or more")
    for name in runtimes:
        if name not in RUNTIMES:
            raise LitheError(f"no runtime {name!r}; there are {', '.join(RUNTIMES)}")
    subject = subject_of(model, input_shape)
    elsewhere = device is not None and not _is_here(device)
    if static or elsewhere:
        return replace(counted(subject.name, subject.shape, graph_of(subject)), device=device)
    from lithe.profiling.measured import measured

    found = measured(subject, tuple(dict.fromkeys(runtimes)), threads, progress or SILENT)
    return replace(
        counted(subject.name, subject.shape, found.graph),
        latencies=found.latencies,
        resident=found.resident,
        device=device,
        notes=found.notes,
    )


def _is_here(device: Device) -> bool:
    return device.kind == "measured" and device.name == cpu_name()
