"""What a candidate costs, as far as it is known."""

from dataclasses import dataclass

from lithe.arch import Architecture
from lithe.cost import table_cost
from lithe.profiling.latency import Latency


@dataclass(frozen=True, slots=True)
class Price:
    """Static cost at batch 1, and the latency where it has been measured or predicted."""

    macs: int
    params: int
    peak_activation_bytes: int
    latency: Latency | None = None


def static_price(arch: Architecture) -> Price:
    """The price before anything is built: ten thousand candidates take a second or two."""
    counted = table_cost(arch)
    return Price(counted.macs, counted.params, counted.peak_activation_bytes)
