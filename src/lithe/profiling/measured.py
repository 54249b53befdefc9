"""What a run tells of a network: latency in each runtime, and the memory that it takes."""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING

from lithe.cost import cost, layers
from lithe.errors import LitheError
from lithe.graph import Graph
from lithe.graph.passes import simplify
from lithe.profiling.energy import measured_energy
from lithe.profiling.meters import rapl_meters
from lithe.profiling.notes import noted
from lithe.profiling.resident import Loadable, resident
from lithe.profiling.rounds import USUAL, Effort, Way, take_turns
from lithe.profiling.subject import Subject, module_of
from lithe.profiling.values import Energy, Resident, RunLatency
from lithe.progress import Advance, Progress
from lithe.runtimes import WORDS, RuntimeName, check_runtime

if TYPE_CHECKING:
    from torch import nn

    from lithe.graph.capture import Traced

_STAGE = 2  # what reading, compiling or a process takes, in rounds
_CLOSE = 0.1  # share of the whole by which the sum of its steps may differ without a note


@dataclass(frozen=True, slots=True)
class Measured:
    """The graph that was read on the way, what was measured, and why the rest was not."""

    graph: Graph
    latencies: tuple[RunLatency, ...]
    resident: tuple[Resident, ...]
    energy: tuple[Energy, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Load:
    """What a process of its own is to load, and the bytes that this should take."""

    way: Way
    network: Loadable
    planned_bytes: int


@dataclass(slots=True)
class _Prepared:
    """What is ready so far; a runtime that cannot run the network has left a note."""

    ways: list[Way] = field(default_factory=list)
    loads: list[_Load] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def measured(
    subject: Subject,
    runtimes: Sequence[RuntimeName],
    threads: int | None,
    progress: Progress,
    effort: Effort = USUAL,
) -> Measured:
    """Run a network in each runtime, in turns, and load it in a process of its own for each.

    What cannot be measured here is left out, and a note says why. The threads that PyTorch
    uses are given back as they were.

    Raises:
        LitheError: a module that `torch.export` cannot trace.
    """
    ready = _Prepared()
    stages = 1 + 2 * len(runtimes)
    with progress.task(subject.name, _STAGE * stages + effort.rounds) as advance:
        module, trace, graph = _read(subject, ready)
        advance(_STAGE, "read")
        with torch_threads(threads if module is not None else None):
            for name in runtimes:
                with noted(ready.notes, f"{WORDS[name]}: not measured"):
                    if name == "lithe":
                        _engine(subject, module, trace, threads, ready)
                    else:
                        _eager(subject, module, trace, ready)
                advance(_STAGE, f"{WORDS[name]} ready")
            latencies = take_turns(ready.ways, advance, effort) if ready.ways else ()
            energy = _energies(ready)
        found = _residents(ready, advance)
    ready.notes += filter(None, map(_differing, latencies))
    return Measured(graph, latencies, found, energy, tuple(ready.notes))


def _differing(run: RunLatency) -> str:
    """A note where the steps do not add up to the whole."""
    share = run.steps_s / run.total.p50_s
    if not run.steps or abs(share - 1) <= _CLOSE:
        return ""
    return (
        f"{WORDS[run.runtime]}: the medians of the steps add up to {share:.0%} of the whole; "
        "on a busy machine most runs are interrupted, but not in every step"
    )


def _read(subject: Subject, ready: _Prepared) -> "tuple[nn.Module | None, Traced | None, Graph]":
    module = module_of(subject)
    if module is None:
        assert subject.model is not None
        return None, None, subject.model.graph
    from lithe.graph.capture import traced

    if any(weight.device.type not in ("cpu", "meta") for weight in module.parameters()):
        module = copy.deepcopy(module).to("cpu")
        ready.notes.append("measured on the CPU, on a copy: the module is on another device")
    trace = traced(module, subject.shape)
    return module, trace, trace.graph


def _engine(
    subject: Subject,
    module: "nn.Module | None",
    trace: "Traced | None",
    threads: int | None,
    ready: _Prepared,
) -> None:
    check_runtime("lithe")
    from lithe.engine.programs import default_threads
    from lithe.engine.runtime import usable_processors
    from lithe.profiling.engine_run import compiled, engine_way

    model = subject.model
    if module is not None and trace is not None:
        import torch

        from lithe.graph.capture import check_values, model_of_trace

        check_values(module)
        model = model_of_trace(trace)
        processors = torch.get_num_threads()
    else:
        processors = usable_processors()
    assert model is not None
    simplified = simplify(model)
    network = compiled(simplified, threads or default_threads(model.graph, processors))
    way = engine_way(network, model.graph, layers(model.graph), simplified.graph)
    ready.ways.append(way)
    shapes = (*network.input_shapes, *network.output_shapes)
    planned = network.weight_bytes + network.peak_activation_bytes + 4 * sum(map(prod, shapes))
    ready.loads.append(_Load(way, simplified, planned))


def _eager(
    subject: Subject, module: "nn.Module | None", trace: "Traced | None", ready: _Prepared
) -> None:
    if module is None or trace is None:
        raise LitheError("it needs a torch module, and the file holds a graph and its weights")
    import torch

    from lithe.graph.capture import check_values
    from lithe.profiling.eager_run import (
        channels_last,
        eager_steps,
        eager_way,
        laid_out,
        program_of,
    )
    from lithe.profiling.engine_run import drawn

    check_values(module)
    like = next((w for w in module.parameters() if w.is_floating_point()), torch.empty(0))
    x = laid_out(torch.from_numpy(drawn([subject.shape])[0]).to(like.dtype))
    twin = channels_last(module)
    way = eager_way(twin, x)
    try:
        way.whole()
    except RuntimeError as error:
        raise LitheError(f"{type(error).__name__}: {_first_line(error)}") from None
    counted = cost(trace.graph)
    with noted(ready.notes, "eager PyTorch: not measured layer by layer"):
        program = program_of(trace, twin)
        way = eager_steps(way, twin, trace, program, x, layers(trace.graph), counted.layers)
        planned = 4 * counted.params + counted.peak_activation_bytes
        ready.loads.append(_Load(way, (program, (x,)), planned))
    ready.ways.append(way)


def _energies(ready: _Prepared) -> tuple[Energy, ...]:
    found = []
    with noted(ready.notes, "energy: estimated only"):
        meters = rapl_meters()
        found += [measured_energy(way.whole, way.runtime, meters) for way in ready.ways]
    return tuple(found)


def _residents(ready: _Prepared, advance: Advance) -> tuple[Resident, ...]:
    found = []
    for load in ready.loads:
        runtime, threads = load.way.runtime, load.way.threads
        with noted(ready.notes, f"{WORDS[runtime]}: resident memory not measured"):
            found.append(resident(runtime, load.network, threads, load.planned_bytes))
        advance(_STAGE, f"memory of {WORDS[runtime]}")
    return tuple(found)


@contextmanager
def torch_threads(threads: int | None) -> Iterator[None]:
    """PyTorch with so many threads, and with as many as before afterwards; None changes nothing."""
    if threads is None:
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no word"])[0]
