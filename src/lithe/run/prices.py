"""What the candidates of a run cost: counted, and predicted where latency is limited."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import torch

from lithe.arch import Architecture
from lithe.device import Device
from lithe.device.file import load_device
from lithe.errors import LitheError
from lithe.latency_table.carried import table_for
from lithe.latency_table.predict import TablePredictor
from lithe.latency_table.predictors import MachinePredictor, predictor_for
from lithe.latency_table.values import Predictor
from lithe.progress import Progress
from lithe.run.folder import Folder
from lithe.run.settings import PredictionError, Settings
from lithe.search.price import Price, static_prices


@dataclass(frozen=True, slots=True)
class Told:
    """What a latency table tells of itself.

    `reference_s` is how long the reference network took when the table was measured;
    `error` how far the table's own networks were off, each predicted from the others.
    """

    reference_s: float | None = None
    error: PredictionError | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """What latencies are predicted from; `told(threads)` is what that table tells of itself.

    `learn` measures a network for which a prediction was wrong, on the machine it is for.
    """

    predictor: Predictor
    told: Callable[[int], Told]
    learn: Callable[[Architecture], None] = lambda _: None


def prices(archs: Sequence[Architecture], predictor: Predictor | None) -> tuple[Price, ...]:
    """The static cost of each table, and with a predictor its latency; nothing is compiled."""
    static = static_prices(archs)
    if predictor is None:
        return static
    return tuple(
        replace(price, predicted=predicted)
        for price, predicted in zip(static, predictor(archs), strict=True)
    )


def prediction_of(folder: Folder, progress: Progress) -> Prediction | None:
    """From what this run's latencies are predicted; None where none is limited, or in eager.

    Raises:
        LitheError: the device's file is gone from the run's folder, or is damaged.
    """
    settings = folder.state.settings
    if not predicts(settings):
        return None
    if settings.device is None:
        here = MachinePredictor(torch.get_num_threads(), progress=progress)
        return Prediction(here, lambda threads: _told(here.at(threads)), here.learn)
    there = predictor_for(device_in(folder.device, settings))
    return Prediction(there, lambda _: _told(there))


def _told(table: TablePredictor) -> Told:
    error = table.error
    return Told(
        table.networks[0].reference_s,
        PredictionError(error.networks, error.median, error.worst) if error else None,
    )


def device_in(file: Path, settings: Settings) -> Device:
    """The device of a file, with its latency table for the run's threads and no other.

    Without a wish for threads they are those of the first table.

    Raises:
        LitheError: no such file, no device, or one without such a table.
    """
    device = load_device(file)
    if not device.latency:
        raise LitheError(
            f"{file} has no latency table; on that machine, lithe device --latency-table "
            f"--out {file.name} writes one into it"
        )
    threads = settings.threads or device.latency[0].threads
    return msgspec.structs.replace(device, latency=(table_for(device, threads),))


def predicts(settings: Settings) -> bool:
    """Whether latencies are predicted: the engine's are, PyTorch's are measured."""
    return settings.budget.max_latency_s is not None and settings.runtime == "lithe"
