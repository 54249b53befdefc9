"""Quantities as people write them: `2M` multiply-accumulates, `1.5MB`, `5ms`.

Counts use decimal prefixes (k, M, G). Bytes take decimal (kB, MB, GB) and binary
(KiB, MiB, GiB) prefixes; a bare number is in the base unit. One spelling in, one out.
Shapes are sizes with an x between them.
"""

import math
import re
from collections.abc import Iterable

from lithe.errors import LitheError

COUNT = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "b": 1e9, "t": 1e12}
BYTES = {
    "": 1.0, "b": 1.0, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
    "kib": 2.0**10, "mib": 2.0**20, "gib": 2.0**30,
}  # fmt: skip
SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6}

_QUANTITY = re.compile(
    r"\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(e[+-]?[0-9]+)?\s*([a-zµ]*)\s*", re.IGNORECASE
)


def _parse(text: str, units: dict[str, float], example: str) -> float:
    match = _QUANTITY.fullmatch(text)
    suffix = match.group(3).lower() if match else ""
    if match is None or suffix not in units:
        raise LitheError(
            f"{text!r} is not a quantity that is understood here; write it like {example}"
        )
    value = float(match.group(1) + (match.group(2) or "")) * units[suffix]
    if not math.isfinite(value) or value <= 0:
        raise LitheError(f"{text!r} must be above zero and finite; write it like {example}")
    return value


def parse_count(text: str) -> int:
    """Read a count such as `300M`, `2.5k` or `1500000`.

    Raises:
        LitheError: not a number, an unknown prefix, zero, or not finite.

    >>> parse_count("2M"), parse_count("1.5k")
    (2000000, 1500)
    """
    return max(1, round(_parse(text, COUNT, "2M or 300k")))


def parse_bytes(text: str) -> int:
    """Read a size such as `1MB`, `512KiB` or `4096`, in bytes.

    Raises:
        LitheError: not a number, an unknown unit, zero, or not finite.

    >>> parse_bytes("1.5MB"), parse_bytes("1KiB")
    (1500000, 1024)
    """
    return max(1, round(_parse(text, BYTES, "1MB or 512KiB")))


def parse_seconds(text: str) -> float:
    """Read a time such as `5ms` or `0.2s`, in seconds; the unit must be written.

    Raises:
        LitheError: not a number, no unit or an unknown one, zero, or not finite.

    >>> parse_seconds("5ms")
    0.005
    """
    return _parse(text, SECONDS, "5ms or 0.2s")


def parse_shape(text: str) -> tuple[int, ...]:
    """Read the shape of an input, such as `1x3x224x224` or `1,3,224,224`: n c h w.

    Raises:
        LitheError: anything but whole numbers above zero with x or commas between them.

    >>> parse_shape("1x3x224x224")
    (1, 3, 224, 224)
    """
    sizes = re.split("[x,]", "".join(text.lower().split()))
    if not all(re.fullmatch("[0-9]{1,9}", size) and int(size) for size in sizes):
        raise LitheError(
            f"{text!r} is no shape: images, channels, height and width are whole numbers above "
            "zero, written like 1x3x224x224"
        )
    return tuple(map(int, sizes))


def format_shape(shape: Iterable[int]) -> str:
    """Sizes with an x between them, as `parse_shape` reads them.

    >>> format_shape((1, 3, 224, 224))
    '1x3x224x224'
    """
    return "x".join(map(str, shape))


def format_count(value: float) -> str:
    """Three significant digits and a decimal prefix.

    >>> format_count(300774272), format_count(4231976), format_count(96)
    ('301 M', '4.23 M', '96')
    """
    return _format(value, (("", 1.0), ("k", 1e3), ("M", 1e6), ("G", 1e9), ("T", 1e12)))


def format_bytes(value: float) -> str:
    """Three significant digits in decimal units of bytes.

    >>> format_bytes(6021120), format_bytes(800)
    ('6.02 MB', '800 B')
    """
    return _format(value, (("B", 1.0), ("kB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12)))


def format_joules(value: float) -> str:
    """Three significant digits in joules.

    >>> format_joules(0.00231), format_joules(4.6e-6)
    ('2.31 mJ', '4.6 uJ')
    """
    return _format(value, (("nJ", 1e-9), ("uJ", 1e-6), ("mJ", 1e-3), ("J", 1.0), ("kJ", 1e3)))


def format_seconds(value: float) -> str:
    """Three significant digits, from microseconds to hours.

    >>> format_seconds(0.00421), format_seconds(75), format_seconds(2.5e-5)
    ('4.21 ms', '1 min 15 s', '25 us')
    """
    if value >= 3600:
        hours, minutes = divmod(round(value / 60), 60)
        return f"{hours} h {minutes:02d} min"
    if value >= 60:
        minutes, seconds = divmod(round(value), 60)
        return f"{minutes} min {seconds:02d} s"
    return _format(value, (("us", 1e-6), ("ms", 1e-3), ("s", 1.0)))


def _format(value: float, units: tuple[tuple[str, float], ...]) -> str:
    if value == 0:
        return f"0 {next((name for name, scale in units if scale == 1.0), '')}".strip()
    name, scale = units[0]
    for name_next, scale_next in units[1:]:
        # 999.5 would print as 1e+03: move on where the rounded number has four digits.
        if value / scale < 999.5:
            break
        name, scale = name_next, scale_next
    number = value / scale
    digits = 0 if number >= 99.95 else 1 if number >= 9.995 else 2
    text = f"{number:.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return f"{text} {name}".strip()
