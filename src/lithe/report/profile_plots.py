"""The data behind the plots of a profile's page, as JSON values; its scripts draw them."""

from collections.abc import Iterable, Sequence
from math import isfinite
from typing import Any

from lithe.device import LEVELS, Device, peak_of, transfer_of
from lithe.profiling import Profile
from lithe.profiling.values import Bound, MemoryUse, RunLatency
from lithe.report.kinds import KIND_STYLES, kind_of_step
from lithe.report.module_tree import module_tree
from lithe.runtimes import WORDS
from lithe.units import format_shape

WAYS = {"layers": "one layer after the other", "lithe": "in lithe's engine, as planned"}


def profile_plots(profile: Profile) -> dict[str, Any]:
    """Everything that the scripts read; layers are referred to by their index.

    `runs` are ways of having a time per step, the first is shown first: what was measured,
    or the prediction. Rows of one kind stand as columns, which keeps hundreds of layers small.
    """
    return {
        "name": profile.name,
        "kinds": {
            key: {"name": style.name, "colour": style.colour, "symbol": style.symbol}
            for key, style in KIND_STYLES.items()
        },
        "layers": _columns(
            {
                "path": layer.path,
                "kind": layer.kind,
                "op": layer.op,
                "shapes": f"{format_shape(layer.in_shape)} to {format_shape(layer.out_shape)}",
                "macs": layer.macs,
                "params": layer.params,
                "activation_bytes": layer.activation_bytes,
                "live_bytes": layer.live_bytes,
                "moved_bytes": layer.moved_bytes,
            }
            for layer in profile.layers
        ),
        "runs": [
            {
                **run,
                "steps": _columns(run["steps"]),
                "by_layer": _columns(by_layer(run, len(profile.layers))),
            }
            for run in runs(profile)
        ],
        "memory": [_memory(profile, use) for use in profile.memory],
        "modules": _columns(
            {
                "label": module.label or profile.name,
                "parent": module.parent,
                "layers": _ranges(module.layers),
                "macs": module.macs,
                "params": module.params,
                "moved_bytes": module.moved_bytes,
                "times_s": [
                    _rounded(seconds)
                    for seconds in (*module.times_s, *_predicted_time(profile, module.layers))
                ],
            }
            for module in module_tree(profile)
        ),
    }


def _columns(rows: Iterable[dict[str, Any]]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {}
    for row in rows:
        for key, value in row.items():
            columns.setdefault(key, []).append(value)
    return columns


def runs(profile: Profile) -> list[dict[str, Any]]:
    """The ways of having a time per step: measured in a runtime, or predicted."""
    return [*(_run(profile, run) for run in profile.latencies), *_predicted(profile)]


def by_layer(run: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """For each layer the steps that work for it, added up; `seconds` is None where none does.

    `shared_by` is how many layers those steps work for together: above 1 the time is not
    this layer's alone, and it is not divided. `side` is that of the longest of them. A
    prediction is its bound, so no `share` of it is told.
    """
    found: list[list[dict[str, Any]]] = [[] for _ in range(count)]
    for step in run["steps"]:
        for layer in step["layers"]:
            found[layer].append(step)
    return [_added(own, run["measured"]) for own in found]


def _added(steps: Sequence[dict[str, Any]], measured: bool) -> dict[str, Any]:
    if not steps:
        return {"seconds": None, "shared_by": 0, "share": None, "side": None}
    seconds = sum(step["seconds"] or 0.0 for step in steps)
    bounds = [step["bound_s"] for step in steps]
    bound = None if None in bounds else sum(bounds)
    longest = max(steps, key=lambda step: step["seconds"] or 0.0)
    return {
        "seconds": _rounded(seconds),
        "shared_by": len({layer for step in steps for layer in step["layers"]}),
        "share": _rounded(bound / seconds) if measured and bound and seconds else None,
        "side": longest["side"],
    }


def _run(profile: Profile, run: RunLatency) -> dict[str, Any]:
    return {
        "key": run.runtime,
        "name": WORDS[run.runtime],
        "measured": True,
        "roofs": _roofs(profile.device, run.total.threads),
        "steps": [
            {
                "label": step.label,
                "kernel": step.kernel,
                "layers": list(step.layers),
                "kind": kind_of_step({profile.layers[i].kind for i in step.layers}),
                "macs": step.macs,
                "moved_bytes": step.moved_bytes,
                "p20_s": _rounded(step.p20_s),
                "seconds": _rounded(step.p50_s),
                "p80_s": _rounded(step.p80_s),
                **_bound(step.bound),
            }
            for step in run.steps
        ],
    }


def _predicted(profile: Profile) -> list[dict[str, Any]]:
    found = profile.prediction
    if found is None:
        return []
    return [
        {
            "key": "predicted",
            "name": f"predicted for {found.device.name}",
            "measured": False,
            "roofs": _roofs(found.device, found.threads),
            "steps": [
                {
                    "label": layer.path,
                    "kernel": layer.op,
                    "layers": [index],
                    "kind": layer.kind,
                    "macs": layer.macs,
                    "moved_bytes": layer.moved_bytes,
                    "p20_s": None,
                    "seconds": _rounded(bound.seconds),
                    "p80_s": None,
                    **_bound(bound),
                }
                for index, (layer, bound) in enumerate(
                    zip(profile.layers, found.bounds, strict=True)
                )
            ],
        }
    ]


def _predicted_time(profile: Profile, layers: Sequence[int]) -> list[float]:
    found = profile.prediction
    return [sum(found.bounds[i].seconds for i in layers)] if found else []


def _bound(bound: Bound | None) -> dict[str, Any]:
    if bound is None:
        return {"bound_s": None, "side": None, "level": None}
    return {"bound_s": _rounded(bound.seconds), "side": bound.side, "level": bound.level}


def _roofs(device: Device | None, threads: int) -> dict[str, Any] | None:
    peak = peak_of(device, "fp32", threads) if device else None
    if device is None or peak is None:
        return None
    speeds = [(level, transfer_of(device, level, threads)) for level in LEVELS]
    return {
        "device": device.name,
        "macs_per_s": peak,
        "levels": [
            {"level": level, "bytes_per_s": speed} for level, speed in speeds if speed is not None
        ],
    }


def _memory(profile: Profile, use: MemoryUse) -> dict[str, Any]:
    return {
        "way": use.way,
        "name": WAYS[use.way],
        "steps": list(use.steps),
        "layers": step_layers(profile, use),
        "live_bytes": list(use.live_bytes),
        "scratch_bytes": list(use.scratch_bytes),
        "peak": use.peak_step,
        "buffers": [
            [buffer.name, format_shape(buffer.shape), buffer.bytes, buffer.first, buffer.last]
            for buffer in use.buffers
        ],
    }


def step_layers(profile: Profile, use: MemoryUse) -> list[list[int]]:
    """Which layers each step of a plan works for, as far as it can be told."""
    if use.way == "layers" and len(use.steps) == len(profile.layers):
        return [[index] for index in range(len(use.steps))]
    run = profile.latency("lithe") if use.way == "lithe" else None
    if run is not None and len(run.steps) == len(use.steps):
        return [list(step.layers) for step in run.steps]
    named: dict[str, list[int]] = {}
    for index, layer in enumerate(profile.layers):
        named.setdefault(layer.path, []).append(index)
    return [named.get(step, []) for step in use.steps]


def _ranges(layers: Sequence[int]) -> list[list[int]]:
    """First and last of each stretch of neighbours, which for a module are few."""
    found: list[list[int]] = []
    for layer in layers:
        if found and found[-1][1] + 1 == layer:
            found[-1][1] = layer
        else:
            found.append([layer, layer])
    return found


def _rounded(value: float) -> float | None:
    """Five digits, which is more than anyone measures; what is no number is a gap."""
    return float(f"{value:.5g}") if isfinite(value) else None
