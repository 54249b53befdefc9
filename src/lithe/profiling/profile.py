"""`lithe.profile`: compute, memory and latency of one network, joined."""

from collections.abc import Sequence
from dataclasses import replace

from lithe.cpu import cpu_name
from lithe.device import Device
from lithe.errors import LitheError
from lithe.graph import Graph
from lithe.profiling.notes import noted
from lithe.profiling.static import counted
from lithe.profiling.subject import Source, Subject, graph_of, subject_of
from lithe.profiling.values import Profile
from lithe.progress import SILENT, Progress
from lithe.runtimes import RUNTIMES, WORDS, RuntimeName


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
    and eager PyTorch, in turns, which takes some seconds, and longer where a run takes a
    second. `threads` is how many a run uses: as many as PyTorch has, in the engine no more than
    have 2 million MACs each to do, unless given. Then a process of its own loads and runs the
    network, to see how much memory that takes, and where the processor counts its energy that
    is read. Every step stands beside the least time that this machine allows, which is measured
    when that is needed for the first time. What cannot be had here is left out, and
    `Profile.notes` say why.

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
    if device is not None and not is_here(device):
        return _predicted(subject, device, threads)
    if static:
        return replace(unmeasured(subject, graph_of(subject), threads), device=device)
    return _measured(subject, tuple(dict.fromkeys(runtimes)), threads, device, progress or SILENT)


def is_here(device: Device) -> bool:
    """Whether a device is this machine, as it was measured."""
    return device.kind == "measured" and device.name == cpu_name()


def unmeasured(
    subject: Subject, graph: Graph, threads: int | None, there: Device | None = None
) -> Profile:
    """All that is known of a network without a run, on this machine or on another one."""
    from lithe.engine.programs import default_threads
    from lithe.engine.runtime import usable_processors
    from lithe.engine.target import instruction_set, known_instruction_set
    from lithe.profiling.energy import estimated_energy
    from lithe.profiling.memory import engine_memory, largest_tensors, layer_memory

    found = counted(subject.name, subject.shape, graph)
    notes: list[str] = []
    by_layers, by_engine = layer_memory(graph), None
    with noted(notes, f"memory in {WORDS['lithe']}: not planned"):
        processors = there.cores if there else usable_processors()
        if there and not there.isa:
            raise LitheError(f"the engine has no code for {there.name}")
        isa = known_instruction_set(there.isa) if there else instruction_set()
        by_engine = engine_memory(graph, threads or default_threads(graph, processors), isa)
    return replace(
        found,
        memory=(by_layers, by_engine) if by_engine else (by_layers,),
        largest_tensors=largest_tensors(by_layers, by_engine),
        energy=(estimated_energy(found.layers),),
        notes=tuple(notes),
    )


def _predicted(subject: Subject, device: Device, threads: int | None) -> Profile:
    from lithe.profiling.bounds import predict

    planned = unmeasured(subject, graph_of(subject), threads, device)
    prediction = predict(planned.layers, device, threads)
    return replace(planned, device=device, prediction=prediction)


def _measured(
    subject: Subject,
    runtimes: Sequence[RuntimeName],
    threads: int | None,
    device: Device | None,
    progress: Progress,
) -> Profile:
    from lithe.profiling.bounds import with_bounds
    from lithe.profiling.measured import measured
    from lithe.profiling.probe import this_device

    notes: list[str] = []
    if device is None:
        with noted(notes, "bounds: not known"):
            device = this_device(progress)
    found = measured(subject, runtimes, threads, progress)
    engine = next((run for run in found.latencies if run.runtime == "lithe"), None)
    planned = unmeasured(subject, found.graph, engine.total.threads if engine else threads)
    latencies = found.latencies
    if device is not None:
        with noted(notes, "bounds: not known"):
            latencies = tuple(with_bounds(run, planned.layers, device) for run in latencies)
    return replace(
        planned,
        latencies=latencies,
        device=device,
        resident=found.resident,
        energy=(*found.energy, *planned.energy),
        notes=(*notes, *found.notes, *planned.notes),
    )
