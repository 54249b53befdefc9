"""What each replacement by itself would lose, on data, and save, on this machine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lithe.nets.conversion.layers import Layer, replacement_for
from lithe.nets.conversion.places import Place, largest
from lithe.nets.conversion.refit import refit
from lithe.nets.conversion.rewrite import rewritten
from lithe.nets.conversion.rows import Kind, Replacement
from lithe.run.conversion.state import LayerState, Option
from lithe.run.conversion.times import inputs_of, macs_of, times_of

# Depthwise filters per channel, and expansions, that are tried; of low ranks the shares.
FILTERS, EXPANSIONS, SHARES = (1, 2, 3), (2, 4, 6), (8, 4, 2)
# Of a linear layer: an eighth of a hundred classes would leave 12 to tell them apart by.
LEAST_RANK = 64


Batches = tuple[tuple[Tensor, Tensor], ...]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Some labelled images as the network takes them: batches n c h w and n.

    `batches` measure and fit. `apart` are others that judge what was fitted, which looks
    better on the images that it was fitted to than it is.
    """

    batches: Batches
    apart: Batches

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The images alone."""
        return tuple(x for x, _ in self.batches)


@torch.no_grad()
def loss_of(network: nn.Module, batches: Batches) -> float:
    """Mean cross entropy in nats on some images."""
    network.eval()
    total, images = 0.0, 0
    for x, labels in batches:
        total += float(nn.functional.cross_entropy(network(x).float(), labels, reduction="sum"))
        images += len(x)
    return total / images


def sizes_for(layer: Layer, kind: Kind) -> tuple[int, ...]:
    """Sizes of a replacement that are worth trying, the smallest first."""
    most = largest(layer, kind)
    match kind:
        case "separable":
            return tuple(r for r in FILTERS if r <= most)
        case "inverted-residual":
            return EXPANSIONS
        case "low-rank":
            least = min(LEAST_RANK, most // 2) if isinstance(layer, nn.Linear) else 1
            return tuple(sorted({max(least, most // share) for share in SHARES}))


def measure(
    network: nn.Module,
    places: Sequence[Place],
    kinds: Sequence[Kind],
    sizes: Callable[[Layer, Kind], tuple[int, ...]],
    calibration: Calibration | None,
    x: Tensor,
    threads: int,
    known: Sequence[LayerState],
    on_layer: Callable[[LayerState], None],
) -> None:
    """Tell `on_layer` of each layer in order, those in `known` left out.

    A layer's options come in the order of `kinds`.
    Without a calibration losses are 0: only times are asked for.
    """
    done = {each.layer for each in known}
    able = [place.layer for place in places if set(kinds) & set(place.kinds)]
    shapes = inputs_of(network, x, able)
    base = loss_of(network, calibration.batches) if calibration is not None else 0.0
    for place in places:
        if place.layer in done:
            continue
        if place.layer not in able:
            reason = place.reason or f"only {' or '.join(place.kinds)} would fit"
            on_layer(LayerState(place.layer, place.macs, reason=reason))
            continue
        layer = network.get_submodule(place.layer)
        assert isinstance(layer, Layer)
        rows = [
            Replacement(place.layer, kind, size)
            for kind in kinds
            if kind in place.kinds
            for size in sizes(layer, kind)
        ]
        made: list[nn.Module] = [nn.Sequential(replacement_for(layer, row)) for row in rows]
        shape = shapes[place.layer]
        seconds = times_of([nn.Sequential(layer), *made], shape, threads)
        options = tuple(
            Option(
                row,
                _loss_with(network, row, place, calibration) - base if calibration else 0.0,
                taken,
                macs_of(module, shape),
            )
            for row, module, taken in zip(rows, made, seconds[1:], strict=True)
        )
        on_layer(LayerState(place.layer, place.macs, seconds[0], options))


def _loss_with(
    network: nn.Module, row: Replacement, place: Place, calibration: Calibration
) -> float:
    """The loss with one replacement, refitted: what is lost for good, as far as can be told."""
    signed = (row.layer,) if place.signed else ()
    # Some channels of an inverted residual are drawn: the same ones whenever it is measured.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        converted = rewritten(network, [row], signed=signed)
    refit(converted, network, [row], lambda: calibration.inputs)
    return loss_of(converted, calibration.batches)
