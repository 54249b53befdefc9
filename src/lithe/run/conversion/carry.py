"""One converted network: carried over, refitted, batch norm re-estimated; nothing trained."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from lithe.nets.conversion.places import Place
from lithe.nets.conversion.refit import estimate_norms, layer_errors, refit
from lithe.nets.conversion.rewrite import rewritten
from lithe.nets.conversion.rows import Replacement
from lithe.progress import Progress
from lithe.run.conversion.original import Original
from lithe.run.conversion.sensitivity import Calibration, loss_of
from lithe.run.conversion.state import ConversionSettings, LayerError

OnStep = Callable[[str, nn.Module], None]


@dataclass(frozen=True, slots=True)
class Carried:
    """A converted network before training: how far its layers are off, network by step."""

    network: nn.Module
    errors: dict[str, LayerError]


def carried(
    original: Original,
    rows: Sequence[Replacement],
    places: Sequence[Place],
    settings: ConversionSettings,
    calibration: Calibration,
    on_step: OnStep = lambda name, network: None,
    progress: Progress | None = None,
) -> Carried:
    """Replace, refit in the order of execution, re-estimate batch norm.

    `on_step` hears of the network after each step, by the names of `report`'s steps.
    """
    order = {place.layer: place.order for place in places}
    rows = sorted(rows, key=lambda row: order[row.layer])
    names = [row.layer for row in rows]
    signed = [place.layer for place in places if place.signed]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = rewritten(original.network, rows, carry=settings.carry, signed=signed)
    inputs = calibration.inputs

    def errors() -> dict[str, float]:
        return layer_errors(network, original.network, names, lambda: inputs)

    first, second = errors(), None
    on_step("carried", network)
    if settings.refit:
        with (progress or Progress(quiet=True)).task("Refitting", len(rows)) as advance:
            refit(network, original.network, rows, lambda: inputs, advance)
        second = errors()
        on_step("refitted", network)
    _estimated(network, calibration)
    third = errors()
    on_step("normed", network)
    found = {
        name: LayerError(first[name], second[name] if second else None, third[name])
        for name in names
    }
    return Carried(network, found)


def _estimated(network: nn.Module, calibration: Calibration) -> None:
    """Batch norm re-estimated, where the loss on the images set apart falls by it.

    The statistics that the original was trained to are of far more images; what carries
    weights over badly shifts them by more than these few are wrong by.
    """
    before = loss_of(network, calibration.apart)
    kept = {name: value.clone() for name, value in network.named_buffers()}
    estimate_norms(network, lambda: calibration.inputs)
    if not loss_of(network, calibration.apart) < before:
        for name, value in network.named_buffers():
            value.copy_(kept[name])
