"""What the candidates of a run cost: counted, and predicted where latency is limited."""

from collections.abc import Sequence
from dataclasses import replace

from lithe.arch import Architecture
from lithe.latency_table.values import Predictor
from lithe.progress import Progress
from lithe.run.folder import Folder
from lithe.run.settings import Settings
from lithe.search.price import Price, static_prices


def prices(archs: Sequence[Architecture], predictor: Predictor | None) -> tuple[Price, ...]:
    """The static cost of each table, and with a predictor its latency; nothing is compiled."""
    static = static_prices(archs)
    if predictor is None:
        return static
    return tuple(
        replace(price, predicted=predicted)
        for price, predicted in zip(static, predictor(archs), strict=True)
    )


def predictor_of(folder: Folder, progress: Progress) -> Predictor | None:
    """From what this run's latencies are predicted; None where none is limited, or in eager.

    Raises:
        LitheError: a device file without a latency table.
    """
    return None


def predicts(settings: Settings) -> bool:
    """Whether latencies are predicted: the engine's are, PyTorch's are measured."""
    return settings.budget.max_latency_s is not None and settings.runtime == "lithe"
