"""What hardware can do, as rows: measured here, kept in a file, or read from a data sheet."""

from lithe.device.latency_rows import LatencyTable
from lithe.device.rates import (
    balance_of,
    bandwidth_of,
    capacity_of,
    launch_of,
    peak_of,
    transfer_of,
)
from lithe.device.rows import (
    DTYPES,
    FORMAT,
    LEVELS,
    Bandwidth,
    Cache,
    Device,
    DType,
    Launch,
    Level,
    Peak,
)

__all__ = [
    "DTYPES",
    "FORMAT",
    "LEVELS",
    "Bandwidth",
    "Cache",
    "DType",
    "Device",
    "LatencyTable",
    "Launch",
    "Level",
    "Peak",
    "balance_of",
    "bandwidth_of",
    "capacity_of",
    "launch_of",
    "peak_of",
    "transfer_of",
]
