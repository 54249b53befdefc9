"""What is replaced by what: layers measured one by one, a choice that is timed as a whole."""

import torch
from torch import nn

from lithe.errors import LitheError
from lithe.nets.conversion.layers import Layer
from lithe.nets.conversion.places import Place
from lithe.nets.conversion.rewrite import rewritten
from lithe.nets.conversion.rows import Kind, Replacement, either
from lithe.profiling.latency import Latency, latencies
from lithe.progress import Progress
from lithe.run.conversion.choice import Target, choose
from lithe.run.conversion.original import Original
from lithe.run.conversion.sensitivity import Calibration, measure, sizes_for
from lithe.run.conversion.state import ConversionState, LayerState
from lithe.run.conversion.work import Work
from lithe.runtimes import only_engine
from lithe.search.budget import asked
from lithe.units import format_seconds

TRIES = 4  # of choices that are compiled and timed for a limit on latency


def timed(network: nn.Module, original: Original, threads: int | None) -> Latency:
    """A network in the engine, on one image; on the threads that suit it where none are given."""
    ready = only_engine(network, original.shape, threads)
    return latencies([(ready, torch.randn(original.shape))])[0]


def measure_layers(
    work: Work,
    original: Original,
    wanted: tuple[Place, ...],
    calibration: Calibration,
    x: torch.Tensor,
    threads: int,
    progress: Progress,
) -> None:
    """Times and losses of every replacement, layer by layer, into the state."""
    if work.state.measured:
        return
    settings = work.state.settings
    if work.state.base_macs is None:
        from lithe.profiling.static import static_profile

        work.update(base_macs=static_profile(original.network, original.shape).macs)

    def sizes(layer: Layer, kind: Kind) -> tuple[int, ...]:
        return (settings.size,) if settings.size else sizes_for(layer, kind)

    with progress.task("Measuring layers", len(wanted)) as advance:
        advance(len(work.state.layers))

        def on_layer(found: LayerState) -> None:
            work.update(layers=(*work.state.layers, found))
            advance(note=found.layer)

        measure(
            original.network,
            wanted,
            settings.kinds,
            sizes,
            calibration,
            x,
            threads,
            work.state.layers,
            on_layer,
        )
    work.update(measured=True)


def chosen(work: Work, original: Original, progress: Progress) -> tuple[Replacement, ...]:
    """What the budget calls for; under a limit on latency it was compiled and timed.

    Raises:
        LitheError: nothing is within the limits.
    """
    state = work.state
    budget, base_s, base_macs = state.settings.budget, state.base_s, state.base_macs
    assert base_s is not None
    assert base_macs is not None
    limited = budget.max_latency_s is not None or budget.max_macs is not None
    if state.settings.layers and not limited:
        return tuple(each.options[0].row for each in state.layers if each.options)
    seconds = budget.max_latency_s
    closest = float("inf")
    for tries_left in reversed(range(TRIES)):
        choice = choose(state.layers, base_s, base_macs, Target(seconds, budget.max_macs))
        if budget.max_macs is not None and choice.macs > budget.max_macs:
            raise LitheError(
                f"no conversion to {either(state.settings.kinds)} has at most "
                f"{budget.max_macs:,} MACs; {choice.macs:,} are left of {base_macs:,} with "
                f"{len(choice.rows)} layers replaced"
            )
        if budget.max_latency_s is None or seconds is None:
            return choice.rows
        made = rewritten(original.network, choice.rows, carry=False)
        found = timed(made, original, state.settings.threads)
        progress.say(
            f"{len(choice.rows)} layers replaced: {format_seconds(choice.seconds)} predicted, "
            f"{format_seconds(found.p50_s)} measured"
        )
        if found.p80_s <= budget.max_latency_s:
            return choice.rows
        closest = min(closest, found.p50_s)
        if not choice.holds:  # nothing more can be replaced
            break
        # The last try is the quickest that there is.
        seconds = seconds * budget.max_latency_s / found.p80_s * 0.99 if tries_left > 1 else 0.0
    raise LitheError(
        f"no conversion to {either(state.settings.kinds)} takes at most "
        f"{format_seconds(budget.max_latency_s or 0)}: the quickest takes "
        f"{format_seconds(closest)}, the original {format_seconds(base_s)}; allow more, another "
        "--to, or a smaller --input"
    )


def nothing(state: ConversionState) -> str:
    """Why a choice is empty that is within the limits."""
    if asked(state.settings.budget):
        return (
            f"the original is within the limits as it is: {format_seconds(state.base_s or 0)}, "
            f"{state.base_macs:,} MACs; ask for less, or name layers by --layers without limits"
        )
    return (
        f"no replacement by {either(state.settings.kinds)} would save time on this machine; name "
        "layers by --layers to replace them all the same, or give another --to"
    )
