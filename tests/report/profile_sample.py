"""Profiles as a real measurement would leave them: counted for real, timed by a formula."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from math import prod
from random import Random

from lithe.arch import architecture
from lithe.cost import LayerCost, layers
from lithe.cost.memory import lifetimes
from lithe.device import Bandwidth, Cache, Device, Launch, Peak
from lithe.graph import Graph, from_arch
from lithe.profiling import Profile, static_profile
from lithe.profiling.latency import Latency
from lithe.profiling.values import (
    Bound,
    Buffer,
    Energy,
    LargestTensor,
    MemoryUse,
    Prediction,
    Resident,
    RunLatency,
    StepLatency,
)
from lithe.runtimes import RuntimeName

HOSTILE_PATHS = (
    "<script>hacked = 1</script>",
    "<img src=x onerror='hacked = 1'>.conv",
    '<a href="javascript:hacked = 1">block</a>',
    "</script><script>hacked = 1</script>.expand",
    "<!--<script>.0.1",
    "%{x} %{customdata} {{ 7 * 7 }}",
    "$\\frac{1}{2}$.norm",
    "\"'`&amp;&lt;b&gt;",
    "a" * 90 + "." + "b" * 40,
    "line\u2028separator\u0000 and \u202e turned",
)

THREADS = 2
DEVICE = Device(
    name="A processor with 2 cores",
    kind="measured",
    cores=2,
    isa="avx512",
    caches=(
        Cache("L1", 49_152, 1, "the operating system"),
        Cache("L2", 2_097_152, 1, "the operating system"),
        Cache("L3", 110_100_480, 32, "the operating system"),
    ),
    peaks=(
        Peak("fp32", 1, 82e9, "vfmadd231ps", "measured"),
        Peak("fp32", 2, 160e9, "vfmadd231ps", "measured"),
        Peak("fp64", 2, 80e9, "vfmadd231pd", "measured"),
        Peak("int8", 2, 610e9, "vpdpbusd", "measured"),
    ),
    bandwidths=(
        Bandwidth("L1", 2, 660e9, 590e9, 49_152, "measured"),
        Bandwidth("L2", 2, 230e9, 170e9, 1_600_000, "measured"),
        Bandwidth("L3", 2, 52e9, 40e9, 12_000_000, "measured"),
        Bandwidth("memory", 2, 21e9, 17e9, 800_000_000, "measured"),
    ),
    launches=(
        Launch("lithe", 2, 0.4e-6, "measured"),
        Launch("eager", 2, 6.5e-6, "measured"),
    ),
    notes=("The turbo clock varied by 4 % between two passes.",),
    date="2026-02-03",
    version="0.3",
)
BOARD = Device(
    name="A board with 4 cores",
    kind="data sheet",
    cores=4,
    isa="neon",
    caches=(Cache("L1", 32_768, 1, "data sheet"), Cache("L2", 1_048_576, 4, "data sheet")),
    peaks=(Peak("fp32", 4, 24e9, "fmla", "data sheet: 1.5 GHz x 4 cores x 4 lanes"),),
    bandwidths=(Bandwidth("memory", 4, 4e9, None, None, "data sheet: LPDDR4-3200, 32 bits"),),
)

# What part of its bound a step of that kind reaches.
_REACHED: dict[RuntimeName, dict[str, float]] = {
    "lithe": {"pointwise": 0.72, "depthwise": 0.55, "standard": 0.62, "linear": 0.8},
    "eager": {"pointwise": 0.48, "depthwise": 0.16, "standard": 0.5, "linear": 0.55},
}


def sample(name: str = "mobilenet_v2", resolution: int = 224) -> Profile:
    """Everything a profile can hold, of a network of ours on a small machine."""
    arch = architecture(name, resolution=resolution)
    graph = from_arch(arch)
    counted = static_sample(name, resolution)
    groups = _fused(counted.layers)
    memory = _memory(graph, counted.layers, groups)
    engine = _run("lithe", counted.layers, groups, Random(1))
    eager = _run("eager", counted.layers, [[i] for i in range(len(counted.layers))], Random(2))
    planned = counted.param_bytes + counted.peak_activation_bytes
    return replace(
        counted,
        memory=memory,
        largest_tensors=_largest(counted.layers, memory[1]),
        latencies=(engine, eager),
        device=DEVICE,
        resident=(
            Resident("lithe", 1_180_000 + planned // 2, planned // 2),
            Resident("eager", 31_400_000 + planned, planned),
        ),
        energy=(
            Energy(counted.macs * 11e-12, "RAPL package-0", False, "lithe"),
            Energy(
                counted.macs * 4.6e-12 + counted.moved_bytes * 160e-12,
                "Horowitz, ISSCC 2014, table 1 (45 nm)",
                True,
                None,
                (
                    ("arithmetic", counted.macs * 4.6e-12),
                    ("bytes moved", counted.moved_bytes * 160e-12),
                ),
            ),
        ),
        notes=("The machine was not quiet: the 80th percentile is 1.3 times the 20th.",),
    )


def static_sample(name: str = "mobilenet_v2", resolution: int = 224) -> Profile:
    """Counts only: nothing was run, no machine is known."""
    counted = static_profile(architecture(name, resolution=resolution))
    rows = tuple(map(_counted, counted.layers))
    return replace(
        counted,
        layers=rows,
        other_ops=sum(row.other_ops for row in rows),
        moved_bytes=sum(row.moved_bytes for row in rows),
    )


def predicted_sample() -> Profile:
    """Counted here, its bounds computed for a machine that is not here."""
    counted = static_sample()
    graph = from_arch(architecture("mobilenet_v2"))
    memory = _memory(graph, counted.layers, _fused(counted.layers))
    bounds = tuple(
        Bound(row.macs / 24e9, row.moved_bytes / 4e9, 0.0, "memory") for row in counted.layers
    )
    return replace(
        counted,
        memory=memory[:1],
        device=BOARD,
        prediction=Prediction(BOARD, 4, bounds),
        notes=("Not measured: the machine that was asked for is not this one.",),
    )


def unknown_sample() -> Profile:
    """Two operators without a rule: every total is a lower bound."""
    whole = sample()
    rows = list(whole.layers)
    for index, operator in ((20, "aten.grid_sampler_2d"), (41, "custom::swish_norm")):
        rows[index] = replace(rows[index], kind="unknown", op=operator, macs=0, other_ops=0)
    return replace(
        whole,
        layers=tuple(rows),
        macs=sum(row.macs for row in rows),
        unknown=("aten.grid_sampler_2d", "custom::swish_norm"),
        latencies=whole.latencies[1:],
        notes=("lithe's engine does not have aten.grid_sampler_2d.", *whole.notes),
    )


def hostile_sample(paths: Sequence[str] = HOSTILE_PATHS) -> Profile:
    """Layers, operators, kernels, the network and the machine under names that mean harm."""
    whole = renamed(sample(), paths)
    name = paths[0]
    latencies = tuple(
        replace(run, steps=tuple(replace(s, label=name, kernel=name) for s in run.steps))
        for run in whole.latencies
    )
    return replace(
        whole,
        name="</title><script>hacked = 1</script>",
        latencies=latencies,
        device=Device(
            name=name, kind="measured", cores=2, isa=name, caches=DEVICE.caches,
            peaks=DEVICE.peaks, bandwidths=DEVICE.bandwidths, date=name, notes=(name,),
        ),
        unknown=tuple(paths),
        notes=tuple(paths),
        energy=(Energy(0.1, name, True, None, ((name, 0.1),)),),
    )  # fmt: skip


def renamed(whole: Profile, paths: Sequence[str]) -> Profile:
    """The same profile with its first layers, and their tensors, under other paths."""
    new = {row.path: path for row, path in zip(whole.layers, paths, strict=False)}
    rows = tuple(replace(row, path=new.get(row.path, row.path)) for row in whole.layers)
    memory = tuple(
        replace(
            use,
            steps=tuple(new.get(step, step) for step in use.steps),
            buffers=tuple(replace(b, name=new.get(b.name, b.name)) for b in use.buffers),
        )
        for use in whole.memory
    )
    peak = new.get(whole.peak_layer, whole.peak_layer)
    return replace(whole, layers=rows, memory=memory, peak_layer=peak)


def large_sample(times: int = 12) -> Profile:
    """Hundreds of layers: the same network several times over, each under a name of its own."""
    whole = sample()
    count = len(whole.layers)
    rows = tuple(
        replace(row, path=f"stage{turn}.{row.path}")
        for turn in range(times)
        for row in whole.layers
    )
    latencies = tuple(
        replace(
            run,
            total=replace(run.total, p50_s=times * run.total.p50_s),
            steps=tuple(
                replace(step, layers=tuple(i + turn * count for i in step.layers))
                for turn in range(times)
                for step in run.steps
            ),
        )
        for run in whole.latencies
    )
    uses = []
    for use in whole.memory:
        steps = len(use.steps)
        uses.append(
            replace(
                use,
                steps=tuple(f"stage{t}.{step}" for t in range(times) for step in use.steps),
                buffers=tuple(
                    replace(
                        b,
                        name=f"stage{t}.{b.name}",
                        first=b.first + t * steps,
                        last=b.last + t * steps,
                    )
                    for t in range(times)
                    for b in use.buffers
                ),
                scratch_bytes=use.scratch_bytes * times,
            )
        )
    return replace(
        whole,
        name=f"{times} times {whole.name}",
        layers=rows,
        macs=times * whole.macs,
        params=times * whole.params,
        param_bytes=times * whole.param_bytes,
        peak_layer=f"stage0.{whole.peak_layer}",
        latencies=latencies,
        memory=tuple(uses),
    )


def _counted(row: LayerCost) -> LayerCost:
    """With bytes and other operations, should the count leave them at zero."""
    if row.read_bytes or row.weight_bytes:
        return row
    reads = 2 if row.op == "add" else 1
    return replace(
        row,
        other_ops=prod(row.out_shape),
        read_bytes=4 * reads * prod(row.in_shape),
        weight_bytes=4 * row.params,
    )


def _fused(rows: Sequence[LayerCost]) -> list[list[int]]:
    """Blocks as one step each; below 28 pixels the projection is a step of its own."""
    groups: list[list[int]] = []
    for _, found in groupby(range(len(rows)), key=lambda i: ".".join(rows[i].path.split(".")[:2])):
        block = list(found)
        sliced = len(block) > 2 and rows[block[1]].out_shape[-1] < 28
        groups += [block[:2], block[2:]] if sliced else [block]
    return groups


def _run(
    runtime: RuntimeName, rows: Sequence[LayerCost], groups: list[list[int]], draw: Random
) -> RunLatency:
    launch = next(one.seconds for one in DEVICE.launches if one.runtime == runtime)
    steps = []
    for group in groups:
        macs = sum(rows[i].macs for i in group)
        first, last = rows[group[0]], rows[group[-1]]
        moved = first.read_bytes + last.activation_bytes + sum(rows[i].weight_bytes for i in group)
        near = moved < 1_600_000
        bound = Bound(
            macs / 160e9, moved / (170e9 if near else 40e9), launch, "L2" if near else "L3"
        )
        reached = _REACHED[runtime].get(first.kind, 0.4)
        median = (bound.seconds / reached + launch) * draw.uniform(0.92, 1.15)
        steps.append(
            StepLatency(
                label=last.path,
                kernel=f"f32_{first.kind}_c{first.out_shape[1]}__avx512"
                if runtime == "lithe"
                else f"aten::{first.op.split()[0]}",
                layers=tuple(group),
                macs=macs,
                moved_bytes=moved,
                p20_s=0.97 * median,
                p50_s=median,
                p80_s=1.09 * median,
                bound=bound,
            )
        )
    whole = 1.04 * sum(step.p50_s for step in steps)
    total = Latency(0.98 * whole, whole, 1.05 * whole, 64, THREADS, runtime)
    return RunLatency(total, 5, tuple(steps))


def _memory(
    graph: Graph, rows: Sequence[LayerCost], groups: list[list[int]]
) -> tuple[MemoryUse, MemoryUse]:
    parts = layers(graph)
    path_of = {part.output: part.path for part in parts}
    buffers = tuple(
        Buffer(
            path_of.get(life.tensor, "input"),
            graph.shapes[life.tensor],
            life.bytes,
            life.first,
            life.last,
        )
        for life in lifetimes(graph, parts, 4)
    )
    step_of = {layer: step for step, group in enumerate(groups) for layer in group}
    last = len(groups) - 1
    planned = tuple(
        replace(b, first=step_of[b.first], last=step_of[b.last])
        for b in buffers
        if step_of[b.first] < step_of[b.last] or b.name == "input" or step_of[b.last] == last
    )
    # Three rows of what a block expands to, for each thread.
    scratch = tuple(
        4 * 3 * THREADS * prod(rows[group[0]].out_shape[1::2]) if len(group) > 1 else 0
        for group in groups
    )
    return (
        MemoryUse("layers", tuple(r.path for r in rows), buffers, (0,) * len(rows)),
        MemoryUse("lithe", tuple(rows[g[-1]].path for g in groups), planned, scratch, 2_500_000),
    )


def _largest(rows: Sequence[LayerCost], plan: MemoryUse) -> tuple[LargestTensor, ...]:
    found: dict[tuple[int, int], Buffer] = {}
    for index, row in enumerate(rows):
        if len(row.out_shape) == 4:
            side = (row.out_shape[2], row.out_shape[3])
            buffer = Buffer(row.path, row.out_shape, row.activation_bytes, index, index + 1)
            if side not in found or found[side].bytes < buffer.bytes:
                found[side] = buffer
    result = []
    for side, buffer in found.items():
        same = [b for b in plan.buffers if b.shape[2:] == side]
        fused = max(same, key=lambda b: b.bytes, default=None)
        result.append(LargestTensor(side, buffer, fused))
    return tuple(result)
