"""A budget: what a network may cost, at batch 1."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

from msgspec import Meta, Struct

from lithe.errors import LitheError
from lithe.search.price import Price
from lithe.units import (
    format_bytes,
    format_count,
    format_seconds,
    parse_bytes,
    parse_count,
    parse_seconds,
)

T = TypeVar("T")
Unit = Literal["count", "bytes", "seconds"]
Positive = Annotated[int, Meta(ge=1)]


class Budget(Struct, frozen=True, forbid_unknown_fields=True):
    """Upper limits; None is no limit. Latency is that of one image on this machine."""

    max_macs: Positive | None = None
    max_params: Positive | None = None
    max_activation_bytes: Positive | None = None
    max_latency_s: Annotated[float, Meta(gt=0)] | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """One kind of limit: its field in `Budget`, its option, its unit, what it is held against."""

    field: str
    option: str
    unit: Unit
    price: Callable[[Price], float | None]
    what: str


LIMITS = (
    Limit("max_macs", "--max-macs", "count", lambda p: p.macs, "MACs"),
    Limit("max_params", "--max-params", "count", lambda p: p.params, "parameters"),
    Limit(
        "max_activation_bytes",
        "--max-activation",
        "bytes",
        lambda p: p.peak_activation_bytes,
        "peak activation",
    ),
    Limit(
        "max_latency_s",
        "--max-latency",
        "seconds",
        lambda p: p.latency_s,
        "latency",
    ),
)

FORMAT: dict[Unit, Callable[[float], str]] = {
    "count": format_count,
    "bytes": format_bytes,
    "seconds": format_seconds,
}


def parse_budget(
    max_macs: str | None = None,
    max_params: str | None = None,
    max_activation: str | None = None,
    max_latency: str | None = None,
) -> Budget:
    """A budget from what people write: `2M`, `300k`, `1MB`, `5ms`.

    Raises:
        LitheError: a quantity that cannot be read; the message names the option.
    """

    def read(option: str, text: str | None, parse: Callable[[str], T]) -> T | None:
        try:
            return None if text is None else parse(text)
        except LitheError as error:
            raise LitheError(f"{option}: {error}") from None

    return Budget(
        max_macs=read("--max-macs", max_macs, parse_count),
        max_params=read("--max-params", max_params, parse_count),
        max_activation_bytes=read("--max-activation", max_activation, parse_bytes),
        max_latency_s=read("--max-latency", max_latency, parse_seconds),
    )


def asked(budget: Budget) -> tuple[tuple[Limit, float], ...]:
    """The limits that a budget sets, with their values."""
    return tuple(
        (limit, value) for limit in LIMITS if (value := getattr(budget, limit.field)) is not None
    )


def broken(budget: Budget, price: Price) -> tuple[Limit, ...]:
    """The limits that a price exceeds; one that is not known yet is not exceeded."""
    return tuple(
        limit
        for limit, value in asked(budget)
        if (cost := limit.price(price)) is not None and cost > value
    )


def overrun(budget: Budget, price: Price) -> float:
    """The largest ratio of cost to limit: above 1 the budget is broken."""
    ratios = [
        cost / value for limit, value in asked(budget) if (cost := limit.price(price)) is not None
    ]
    return max(ratios, default=0.0)
