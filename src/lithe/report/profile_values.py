"""A profile as JSON values and as CSV: every field of it, under names that stay.

The names are documented in docs/profile.md. `VERSION` rises when one is renamed or removed,
or comes to mean something else; a new one leaves it as it is.
"""

import csv
import io
from collections.abc import Sequence
from typing import Any

import msgspec

from lithe import __version__
from lithe.cost import FLOPS_PER_MAC, LayerCost, by_kind
from lithe.profiling import Profile
from lithe.profiling.values import (
    Bound,
    Buffer,
    MemoryUse,
    Prediction,
    RunLatency,
    StepLatency,
)
from lithe.report.module_tree import module_tree
from lithe.report.step_groups import Sort
from lithe.runtimes import RUNTIMES
from lithe.units import format_shape

SCHEMA = "lithe.profile"
VERSION = 1

_LAYER = (
    "path", "kind", "op", "in_shape", "out_shape",
    "macs", "params", "activation_bytes", "live_bytes",
    "other_ops", "read_bytes", "weight_bytes", "moved_bytes",
)  # fmt: skip
# Of the step that works for a layer, once per runtime.
_STEP = (
    "step", "step_layers", "step_moved_bytes", "step_p20_s", "step_p50_s", "step_p80_s",
    "step_bound_s", "step_share", "step_side",
)  # fmt: skip
_PREDICTED = ("predicted_bound_s", "predicted_side")


def profile_values(profile: Profile, sort: Sort | None = None) -> dict[str, Any]:
    """A profile as JSON values; layers by `index` in order of processing or most costly first."""
    prediction = profile.prediction
    return {
        "schema": SCHEMA,
        "schema_version": VERSION,
        "lithe_version": __version__,
        "name": profile.name,
        "input_shape": list(profile.input_shape),
        "flops_per_mac": FLOPS_PER_MAC,
        "totals": totals_values(profile),
        "by_kind": {
            kind: {"macs": macs, "params": params}
            for kind, (macs, params) in by_kind(profile.layers).items()
        },
        "layers": [_layer(profile, index) for index in sorted_layers(profile, sort)],
        "modules": [msgspec.to_builtins(module) for module in module_tree(profile)],
        "memory": [_memory(use) for use in profile.memory],
        "largest_tensors": [msgspec.to_builtins(each) for each in profile.largest_tensors],
        "latencies": [_run(run) for run in profile.latencies],
        "prediction": None if prediction is None else _prediction(prediction),
        "resident": [msgspec.to_builtins(each) for each in profile.resident],
        "energy": [msgspec.to_builtins(each) for each in profile.energy],
        "device": None if profile.device is None else msgspec.to_builtins(profile.device),
        "notes": list(profile.notes),
    }


def totals_values(profile: Profile) -> dict[str, Any]:
    """The totals as JSON values; where `unknown` is not empty they are lower bounds."""
    return {
        "macs": profile.macs,
        "flops": profile.flops,
        "other_ops": profile.other_ops,
        "params": profile.params,
        "param_bytes": profile.param_bytes,
        "moved_bytes": profile.moved_bytes,
        "peak_activation_bytes": profile.peak_activation_bytes,
        "peak_layer": profile.peak_layer,
        "unknown": list(profile.unknown),
    }


def sorted_layers(profile: Profile, sort: Sort | None) -> tuple[int, ...]:
    """Indices of the layers in order of processing, or the most costly first.

    By time they go by that of the step which works for them, in the first runtime that was
    measured, or by their predicted bound.
    """
    order = range(len(profile.layers))
    if sort is None:
        return tuple(order)
    sizes = _sizes(profile, sort)
    return tuple(sorted(order, key=lambda index: -sizes[index]))


def _sizes(profile: Profile, sort: Sort) -> Sequence[float]:
    if sort != "time":
        field = {"macs": "macs", "params": "params", "memory": "live_bytes"}[sort]
        return [getattr(layer, field) for layer in profile.layers]
    if profile.latencies:
        steps = _steps(profile.latencies[0])
        return [
            steps[index][0][1].p50_s if index in steps else 0.0
            for index in range(len(profile.layers))
        ]
    if profile.prediction is not None:
        return [bound.seconds for bound in profile.prediction.bounds]
    return [0.0] * len(profile.layers)


def profile_csv(profile: Profile, sort: Sort | None = None) -> str:
    """A heading and one line per layer; shapes are written 1x3x224x224.

    What a step of a run took stands on the line of each layer that it works for, with the
    step's number: lines with the same number are not to be added up. Where several steps
    work for a layer, it is the first; JSON has all.
    """
    runs = {run.runtime: _steps(run) for run in profile.latencies}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    per_run = [f"{runtime}_{name}" for runtime in RUNTIMES for name in _STEP]
    writer.writerow([*_LAYER, "index", *per_run, *_PREDICTED])
    for index in sorted_layers(profile, sort):
        cells: list[object] = [_cell(_field(profile.layers[index], name)) for name in _LAYER]
        cells.append(index)
        for runtime in RUNTIMES:
            cells += _step_cells(runs.get(runtime, {}).get(index, []))
        bounds = profile.prediction.bounds if profile.prediction else None
        cells += [bounds[index].seconds, bounds[index].side] if bounds else ["", ""]
        writer.writerow(cells)
    return text.getvalue()


def _cell(value: object) -> object:
    return format_shape(value) if isinstance(value, tuple) else value


def _step_cells(found: Sequence[tuple[int, StepLatency]]) -> list[object]:
    if not found:
        return [""] * len(_STEP)
    number, step = found[0]
    bound: list[object] = ["", "", ""]
    if step.bound is not None:
        bound = [step.bound.seconds, step.share, step.bound.side]
    seconds = [step.p20_s, step.p50_s, step.p80_s]
    return [number, len(step.layers), step.moved_bytes, *seconds, *bound]


def _field(layer: LayerCost, name: str) -> object:
    return getattr(layer, name)


def _layer(profile: Profile, index: int) -> dict[str, Any]:
    layer = profile.layers[index]
    fields = {name: _field(layer, name) for name in _LAYER}
    steps = {
        run.runtime: [number for number, step in enumerate(run.steps) if index in step.layers]
        for run in profile.latencies
    }
    return {"index": index, **fields, "steps": steps}


def _steps(run: RunLatency) -> dict[int, list[tuple[int, StepLatency]]]:
    """By layer the steps that work for it, with their numbers."""
    found: dict[int, list[tuple[int, StepLatency]]] = {}
    for number, step in enumerate(run.steps):
        for layer in dict.fromkeys(step.layers):
            found.setdefault(layer, []).append((number, step))
    return found


def _memory(use: MemoryUse) -> dict[str, Any]:
    return {
        "way": use.way,
        "peak_bytes": use.peak_bytes if use.steps else None,
        "peak_step": use.peak_step if use.steps else None,
        "at_peak": [_buffer(buffer) for buffer in use.at_peak] if use.steps else [],
        "allocated_bytes": use.allocated_bytes,
        "steps": list(use.steps),
        "live_bytes": list(use.live_bytes),
        "scratch_bytes": list(use.scratch_bytes),
        "buffers": [_buffer(buffer) for buffer in use.buffers],
    }


def _buffer(buffer: Buffer) -> dict[str, Any]:
    values: dict[str, Any] = msgspec.to_builtins(buffer)
    return values


def _run(run: RunLatency) -> dict[str, Any]:
    return {
        "runtime": run.runtime,
        "threads": run.total.threads,
        "p20_s": run.total.p20_s,
        "p50_s": run.total.p50_s,
        "p80_s": run.total.p80_s,
        "runs": run.total.runs,
        "warm_up": run.warm_up,
        "steps_s": run.steps_s,
        "bound_s": run.bound_s,
        "steps": [
            {
                **msgspec.to_builtins(step),
                "bound": None if step.bound is None else _bound(step.bound),
                "share": step.share,
            }
            for step in run.steps
        ],
    }


def _bound(bound: Bound) -> dict[str, Any]:
    return {**msgspec.to_builtins(bound), "seconds": bound.seconds, "side": bound.side}


def _prediction(prediction: Prediction) -> dict[str, Any]:
    return {
        "device": msgspec.to_builtins(prediction.device),
        "threads": prediction.threads,
        "seconds": prediction.seconds,
        "bounds": [_bound(bound) for bound in prediction.bounds],
    }
