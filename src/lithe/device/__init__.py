"""What hardware can do, as rows: measured here, kept in a file, or read from a data sheet."""

from lithe.device.rows import (
    DTYPES,
    FORMAT,
    LEVELS,
    Bandwidth,
    Cache,
    Device,
    Launch,
    Peak,
)

__all__ = ["DTYPES", "FORMAT", "LEVELS", "Bandwidth", "Cache", "Device", "Launch", "Peak"]
