"""What a candidate costs, as far as it is known."""

from collections.abc import Sequence
from dataclasses import dataclass

from lithe.arch import Architecture
from lithe.cost import table_cost
from lithe.latency_table.values import Predicted
from lithe.profiling.latency import Latency


@dataclass(frozen=True, slots=True)
class Price:
    """Static cost at batch 1, and the latency where it has been measured or predicted."""

    macs: int
    params: int
    peak_activation_bytes: int
    latency: Latency | None = None
    predicted: Predicted | None = None

    @property
    def latency_s(self) -> float | None:
        """Seconds of one run, as well as they are known."""
        if self.latency is not None:
            return self.latency.p50_s
        return None if self.predicted is None else self.predicted.seconds


def static_price(arch: Architecture) -> Price:
    """The price before anything is built: ten thousand candidates take a second or two."""
    counted = table_cost(arch)
    return Price(counted.macs, counted.params, counted.peak_activation_bytes)


def static_prices(archs: Sequence[Architecture]) -> tuple[Price, ...]:
    """The prices of several tables, in order."""
    return tuple(static_price(arch) for arch in archs)
