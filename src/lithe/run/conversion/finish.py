"""A finished conversion written, measured again, and told of."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from lithe import __version__
from lithe.nets.card import ConvertedCard
from lithe.nets.conversion.file import save_converted
from lithe.nets.conversion.places import Place
from lithe.nets.conversion.rows import KINDS, both
from lithe.profiling.compare import side_by_side
from lithe.profiling.side_by_side import SideBySide
from lithe.profiling.subject import subject_of
from lithe.progress import Progress
from lithe.report.conversion_rows import STEPS, ConversionRows, ConvertedLayerRow, became
from lithe.report.rows import LimitRow
from lithe.report.words import threads_text
from lithe.run.conversion.original import Original
from lithe.run.conversion.sensitivity import measure, sizes_for
from lithe.run.conversion.state import ConversionSettings, ConversionState, LayerState
from lithe.run.conversion.times import eager_times_of, inputs_of
from lithe.run.teacher import teacher_fact
from lithe.search.budget import asked
from lithe.training.images import ImageData


def write_model(
    path: Path, network: nn.Module, original: Original, state: ConversionState, data: ImageData
) -> None:
    """The converted network in one file."""
    assert state.rows is not None
    last = list(state.metrics)[-1]
    card = ConvertedCard(
        conversion=original.conversion(state.settings.source, state.rows),
        classes=data.classes,
        preprocessing=original.preprocessing,
        seed=state.settings.seed,
        data=data.name,
        lithe=__version__,
        metrics={"val_accuracy": state.metrics[last]},
    )
    save_converted(path, network, card)


def side_by_side_with(
    original: Original, network: nn.Module, settings: ConversionSettings, progress: Progress
) -> SideBySide:
    """The network before and after, counted, and timed in turns in both runtimes."""
    before = replace(subject_of(original.network, original.shape), name=settings.source)
    after = replace(
        subject_of(network, original.shape), name=f"converted to {both(settings.kinds)}"
    )
    return side_by_side(
        [before, after], settings.source, ("lithe", "eager"), settings.threads, progress
    )


def layers_in_eager(
    state: ConversionState, original: Original, network: nn.Module, progress: Progress
) -> dict[str, tuple[float, ...]]:
    """Median seconds in eager PyTorch of each layer that was timed in the engine.

    A layer as it was, then what became of it in `network`, if anything did.
    """
    timed = [each.layer for each in state.layers if each.seconds is not None]
    replaced = {row.layer for row in state.rows or ()}
    shapes = inputs_of(original.network, torch.zeros(original.shape), timed)
    found = {}
    with progress.task("Timing layers in eager PyTorch", len(timed)) as advance:
        for layer in timed:
            networks = (original.network, network) if layer in replaced else (original.network,)
            modules = [each.get_submodule(layer) for each in networks]
            found[layer] = eager_times_of(modules, shapes[layer])
            advance(note=layer)
    return found


def conversion_rows(
    state: ConversionState,
    compared: SideBySide,
    eager: Mapping[str, tuple[float, ...]],
    threads: int,
    original: Original,
    there: tuple[Place, ...],
    data: ImageData,
    notes: tuple[str, ...],
) -> ConversionRows:
    """What the page shows of a conversion.

    `eager` is what `layers_in_eager` found, `threads` are those of layers in the engine.
    """
    before, after = compared.profiles
    runs = [profile.latency("lithe") for profile in (before, after)]
    times = [run.total.p50_s if run else float("nan") for run in runs]
    return ConversionRows(
        title=f"{state.settings.source} converted to {both(state.settings.kinds)}",
        command=state.command,
        steps=tuple((name, state.metrics[name]) for name in STEPS if name in state.metrics),
        layers=_layers(state, eager, there),
        layer_threads=(threads, torch.get_num_threads()),
        limits=tuple(
            LimitRow(
                limit.field,
                limit.unit,
                value,
                None,
                times[1] if limit.field == "max_latency_s" else after.macs,
            )
            for limit, value in asked(state.settings.budget)
        ),
        before_s=times[0],
        after_s=times[1],
        before_macs=before.macs,
        after_macs=after.macs,
        facts=_facts(state, data),
        notes=(*notes, *_undone(state)),
        what_would=() if times[1] < times[0] else _what_would(state, original, there, threads),
    )


def _layers(
    state: ConversionState, eager: Mapping[str, tuple[float, ...]], there: tuple[Place, ...]
) -> tuple[ConvertedLayerRow, ...]:
    known = {each.layer: each for each in state.layers}
    rows = {row.layer: row for row in state.rows or ()}
    found = []
    for place in there:
        each = known.get(place.layer, LayerState(place.layer, place.macs, reason="not named"))
        row, error = rows.get(place.layer), state.errors.get(place.layer)
        option = next((option for option in each.options if option.row == row), None)
        in_eager = (*eager.get(place.layer, ()), None, None)
        found.append(
            ConvertedLayerRow(
                layer=place.layer,
                became=became(row.kind, row.size) if row else "",
                reason="" if row else each.reason or _left(each, state),
                macs=place.macs,
                macs_after=option.macs if option else None,
                seconds=each.seconds,
                seconds_after=option.seconds if option else None,
                eager_seconds=in_eager[0],
                eager_seconds_after=in_eager[1],
                loss=option.loss if option else min((o.loss for o in each.options), default=None),
                carried=error.carried if error else None,
                refitted=error.refitted if error else None,
                normed=error.normed if error else None,
            )
        )
    return tuple(found)


def _left(each: LayerState, state: ConversionState) -> str:
    """Why a layer that could have been replaced was not."""
    if any(row.layer == each.layer for row in state.chosen or ()):
        return "to keep the accuracy"
    assert each.seconds is not None
    if all(option.seconds >= each.seconds for option in each.options):
        return "no replacement is quicker"
    return "the budget does not ask for it"


def _facts(state: ConversionState, data: ImageData) -> tuple[tuple[str, str], ...]:
    settings, machine, recipe = state.settings, state.machine, state.recipe
    counts = f"{len(data.train)} to train, {len(data.held_out)} held out"
    facts = [
        ("Original", f"{settings.source}, weights {settings.weights or 'as the module has them'}"),
        ("Images", f"{data.name}: {counts}, {len(data.classes)} classes"),
        ("Chosen by", _chosen_by(settings)),
        ("Machine", f"{machine.cpu}, {machine.system}, {threads_text(machine.threads)}"),
        ("Software", f"lithe {state.lithe}, torch {machine.torch}, Python {machine.python}"),
        ("Seed", str(settings.seed)),
    ]
    if recipe is not None:
        training = (
            f"{recipe.epochs} epochs, batch {recipe.batch_size}, "
            f"learning rate {recipe.learning_rate:.2g}"
        )
        facts[2:2] = [
            ("Fine-tuning", training),
            ("Teacher", teacher_fact(settings, "the original")),
        ]
    return (*facts, ("Started", state.started))


def _undone(state: ConversionState) -> tuple[str, ...]:
    """What to say where a fine-tuning was left out, or its weights thrown away."""
    if state.settings.epochs == 0:
        return ()
    if state.recipe is None:
        said = (
            "Nothing was fine-tuned: at every learning rate that was tried the loss on images set"
        )
        return (f"{said} apart rose; one of your own, --learning-rate, is not tried but taken.",)
    before, after = state.losses or (0.0, 0.0)
    if after <= before:
        return ()
    said = (
        f"Fine-tuning at a learning rate of {state.recipe.learning_rate:.2g} was undone: the loss"
    )
    rose = f"on images set apart rose from {before:.3g} to {after:.3g}"
    return (f"{said} {rose}; more --epochs or another --learning-rate may do better.",)


def _chosen_by(settings: ConversionSettings) -> str:
    if settings.layers:
        return f"name: {', '.join(settings.layers)}"
    if asked(settings.budget):
        return "measured loss against measured saving, under the budget"
    return "measured time: all that is quicker replaced"


def _what_would(
    state: ConversionState, original: Original, there: tuple[Place, ...], threads: int
) -> tuple[tuple[str, float], ...]:
    """For each other kind, the seconds that its quickest replacements save in all."""
    x, found = torch.zeros(original.shape), []
    for kind in KINDS:
        if kind in state.settings.kinds:
            continue
        layers: list[LayerState] = []
        measure(
            original.network,
            there,
            (kind,),
            lambda layer, kind: sizes_for(layer, kind)[:1],
            None,
            x,
            threads,
            (),
            layers.append,
        )
        saved = sum(
            max(0.0, each.seconds - each.options[0].seconds)
            for each in layers
            if each.seconds is not None and each.options
        )
        found.append((kind, saved))
    return tuple(found)
