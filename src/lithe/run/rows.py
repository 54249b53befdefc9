"""From a finished run to the rows of its page: everything measured again on the saved file."""

import csv
import io
from collections.abc import Sequence

import msgspec
import torch
from lightning_fabric import Fabric
from PIL import Image

from lithe.arch import standard_twin
from lithe.nets.build import Network, build
from lithe.nets.model_file import load
from lithe.profiling.latency import Latency, latencies
from lithe.profiling.static import static_profile
from lithe.report.rows import CandidateRow, ExampleRow, LimitRow, NetworkRow, RunRows
from lithe.report.words import timed_in
from lithe.run.folder import Folder
from lithe.run.settings import State
from lithe.run.training import torch_threads
from lithe.runtimes import RUNTIMES, RuntimeName
from lithe.search.budget import asked
from lithe.search.price import Price
from lithe.search.shortlist import Candidate
from lithe.training.evaluate import Evaluation, evaluate
from lithe.training.history import EpochRow
from lithe.training.images import ImageData, ImageSet

SHOWN = 12  # examples of right and of wrong answers each
THUMBNAIL = 96  # pixels


def run_rows(folder: Folder, data: ImageData, fabric: Fabric) -> RunRows:
    """All that the page of a finished run shows."""
    state = folder.state
    network = load(folder.model)
    assert network.card is not None
    found = evaluate(network, data.held_out, network.card.preprocessing)
    chosen, twin = _both(network, state.settings.runtime)
    return RunRows(
        title=f"{data.name}: {network.arch.label}",
        command=state.command,
        accuracy=found.accuracy,
        chosen=chosen,
        twin=twin,
        limits=_limits(state, chosen),
        candidates=tuple(_candidate(state, candidate) for candidate in state.candidates),
        history=_history(folder),
        classes=data.classes,
        confusion=found.confusion,
        examples=_examples(data.held_out, data.classes, found),
        facts=_facts(state, chosen, data, fabric),
    )


def _both(network: Network, runtime: RuntimeName) -> tuple[NetworkRow, NetworkRow]:
    """The trained network and its standard-convolution twin, timed in turns, on equal threads."""
    arch = network.arch
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        twin = build(standard_twin(arch))
        x = torch.randn(1, arch.in_channels, arch.resolution, arch.resolution)
    ours = RUNTIMES[runtime](network, tuple(x.shape))
    with torch_threads(ours.threads):  # a twin with more to do would take more of them
        theirs = RUNTIMES[runtime](twin, tuple(x.shape))
    rows = []
    for net, latency in zip((network, twin), latencies([(ours, x), (theirs, x)]), strict=True):
        counted = static_profile(net, tuple(x.shape))
        price = Price(counted.macs, counted.params, counted.peak_activation_bytes, latency)
        rows.append(_network(net.arch.label, price))
    return rows[0], rows[1]


def _network(label: str, price: Price) -> NetworkRow:
    latency: Latency | None = price.latency
    return NetworkRow(
        label,
        price.macs,
        price.params,
        price.peak_activation_bytes,
        latency.p50_s if latency else None,
        latency.p20_s if latency else None,
        latency.p80_s if latency else None,
        latency.runtime if latency else None,
        latency.threads if latency else None,
    )


def _limits(state: State, chosen: NetworkRow) -> tuple[LimitRow, ...]:
    measured = {
        "max_macs": chosen.macs,
        "max_params": chosen.params,
        "max_activation_bytes": chosen.peak_activation_bytes,
        "max_latency_s": chosen.latency_s,
    }
    predicted = state.predicted.price if state.predicted else None
    return tuple(
        LimitRow(
            limit.field,
            limit.unit,
            value,
            limit.price(predicted) if predicted else None,
            measured[limit.field],
        )
        for limit, value in asked(state.settings.budget)
    )


def _candidate(state: State, candidate: Candidate) -> CandidateRow:
    arch = candidate.arch
    standing = state.standings.get(arch.label)
    if arch == state.winner:
        status = "winner"
    elif candidate.breaks:
        status = "over budget"
    else:
        status = "raced" if standing else "fits"
    return CandidateRow(
        network=_network(arch.label, candidate.price),
        family=arch.name,
        width=arch.width,
        resolution=arch.resolution,
        status=status,
        accuracy=standing.accuracy if standing else None,
        breaks=candidate.breaks,
    )


def _history(folder: Folder) -> tuple[EpochRow, ...]:
    with folder.history.open(newline="") as file:
        # Text becomes numbers again as the fields declare them.
        return msgspec.convert(list(csv.DictReader(file)), tuple[EpochRow, ...], strict=False)


def _examples(
    images: ImageSet, classes: Sequence[str], found: Evaluation
) -> tuple[ExampleRow, ...]:
    """The surest wrong answers, which teach most, and right ones spread over the classes."""
    right = [i for i, label in enumerate(images.labels) if found.predicted[i] == label]
    wrong = [i for i, label in enumerate(images.labels) if found.predicted[i] != label]
    wrong.sort(key=lambda i: -found.confidence[i])
    turn: dict[int, int] = {}
    spread = []
    for index in right:
        label = images.labels[index]
        turn[label] = turn.get(label, 0) + 1
        spread.append((turn[label], label, index))
    chosen = wrong[:SHOWN] + [index for _, _, index in sorted(spread)[:SHOWN]]
    return tuple(
        ExampleRow(
            png=_thumbnail(images.image(index)),
            name=images.name(index),
            truth=classes[images.labels[index]],
            predicted=classes[found.predicted[index]],
            confidence=found.confidence[index],
        )
        for index in chosen
    )


def _thumbnail(image: Image.Image) -> bytes:
    scale = THUMBNAIL / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    # Tiny images keep their pixels visible, photos become smooth.
    how = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.LANCZOS
    png = io.BytesIO()
    image.resize(size, how).save(png, "PNG", optimize=True)
    return png.getvalue()


def _facts(
    state: State, chosen: NetworkRow, data: ImageData, fabric: Fabric
) -> tuple[tuple[str, str], ...]:
    machine, recipe, settings = state.machine, state.recipe, state.settings
    images = (
        f"{len(data.train)} to train, {len(data.held_out)} held out, {len(data.classes)} classes"
    )
    facts = [
        ("Images", f"{data.name}: {images}"),
        ("Machine", f"{machine.cpu}, {machine.system}, {machine.threads} threads"),
        ("Latency", f"in {timed_in(chosen)}, batch 1, median, both networks in turns"),
        ("Software", f"lithe {state.lithe}, torch {machine.torch}, Python {machine.python}"),
        ("Seed", str(settings.seed)),
    ]
    if recipe is not None:
        training = (
            f"{recipe.epochs} epochs, batch {recipe.batch_size}, {recipe.optimizer}, "
            f"learning rate {recipe.learning_rate:.2g}, augmentation {recipe.augmentation:.2f}"
        )
        facts.insert(1, ("Training", training))
    if fabric.world_size > 1:
        facts.append(("Processes", str(fabric.world_size)))
    return (*facts, ("Started", state.started), ("Finished", state.finished))
