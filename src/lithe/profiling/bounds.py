"""Bounds put beside what was measured, and a prediction for a machine that is not here."""

from collections.abc import Sequence
from dataclasses import replace

from lithe.cost import LayerCost
from lithe.cost.roofline import Work, bounds, layer_bounds
from lithe.device import Device
from lithe.profiling.values import Prediction, RunLatency


def with_bounds(run: RunLatency, layers: Sequence[LayerCost], device: Device) -> RunLatency:
    """A measured run with the bound of every step on the machine that it was measured on.

    A step's weights are those of its layers; where several steps work for a layer, the last
    of them reads its weights, the others only bring its input into another order.

    Raises:
        LitheError: the device has no multiply-add peak in fp32.
    """
    reader = {layer: index for index, step in enumerate(run.steps) for layer in step.layers}
    work = []
    for index, step in enumerate(run.steps):
        own = (layers[layer].weight_bytes for layer in step.layers if reader[layer] == index)
        weights = min(sum(own), step.moved_bytes)
        work.append(Work(step.macs, step.moved_bytes - weights, weights))
    found = bounds(work, device, run.total.threads, run.runtime)
    steps = zip(run.steps, found, strict=True)
    return replace(run, steps=tuple(replace(step, bound=bound) for step, bound in steps))


def predict(layers: Sequence[LayerCost], device: Device, threads: int | None = None) -> Prediction:
    """What a machine would need at least for these layers, one after the other.

    With as many threads as it has cores, unless given.

    Raises:
        LitheError: the device has no multiply-add peak in fp32.
    """
    threads = threads or device.cores
    return Prediction(device, threads, layer_bounds(layers, device, threads))
