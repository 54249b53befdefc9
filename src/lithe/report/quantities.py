"""What networks are compared in: one row for each quantity of a profile."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from lithe.profiling import Profile
from lithe.runtimes import RuntimeName
from lithe.units import format_bytes, format_count, format_joules, format_seconds

Unit = Literal["count", "bytes", "seconds", "joules"]


@dataclass(frozen=True, slots=True)
class Quantity:
    """One thing that a network costs.

    `heading` stands above a column, a line break where it may be broken; `phrase` goes into
    a sentence ("1.2 x the time in eager PyTorch"). `of` is None where it is not known.
    `counted` says that an operator without a rule makes it a lower bound.
    """

    key: str
    name: str
    heading: str
    phrase: str
    unit: Unit
    of: Callable[[Profile], float | None]
    counted: bool = True

    @property
    def runtime(self) -> RuntimeName | None:
        """The runtime whose latency this is; None for what is counted."""
        return _RUNTIME_OF.get(self.key)

    def text(self, profile: Profile) -> str:
        """Three digits and the unit, `≥` before a lower bound, a dash where it is not known."""
        value = self.of(profile)
        if value is None:
            return "-"
        return ("≥" if self.is_bound(profile) else "") + FORMAT[self.unit](value)

    def is_bound(self, profile: Profile) -> bool:
        """Whether the number is a lower bound, as some operator could not be counted."""
        return self.counted and bool(profile.unknown)

    def ratio(self, profile: Profile, base: Profile) -> float | None:
        """How many times the base's; None where one is not known, is zero, or is a bound."""
        ours, theirs = self.of(profile), self.of(base)
        if not ours or not theirs or self.is_bound(profile) or self.is_bound(base):
            return None
        return ours / theirs


def times(ratio: float | None) -> str:
    """A ratio with what three digits can say, a dash where there is none.

    >>> times(0.5291), times(1.0), times(12.345), times(0.04), times(None)
    ('0.53', '1.00', '12.3', '0.040', '-')
    """
    if ratio is None:
        return "-"
    if ratio < 0.0995:
        return f"{ratio:#.2g}"
    return f"{ratio:.2f}" if ratio < 9.995 else f"{ratio:.1f}" if ratio < 99.95 else f"{ratio:.0f}"


def _fused_peak(profile: Profile) -> float | None:
    use = profile.memory_use("lithe")
    return use.peak_bytes if use else None


def _median(runtime: RuntimeName) -> Callable[[Profile], float | None]:
    def of(profile: Profile) -> float | None:
        run = profile.latency(runtime)
        return run.total.p50_s if run else None

    return of


def _estimate(profile: Profile) -> float | None:
    # Meters of different runs cannot be put side by side; the estimate is the same for all.
    return next((each.joules for each in profile.energy if each.estimate), None)


FORMAT: dict[Unit, Callable[[float], str]] = {
    "count": format_count,
    "bytes": format_bytes,
    "seconds": format_seconds,
    "joules": format_joules,
}
_RUNTIME_OF: dict[str, RuntimeName] = {"lithe_s": "lithe", "eager_s": "eager"}

# One line for a new quantity; terminal, JSON, CSV and page show it.
QUANTITIES: tuple[Quantity, ...] = (
    Quantity("macs", "MACs", "MACs", "the MACs", "count", lambda p: p.macs),
    Quantity("params", "Parameters", "Params", "the parameters", "count", lambda p: p.params),
    Quantity(
        "peak_layers_bytes",
        "Peak activations, layer by layer",
        "Peak\nlayers",
        "the peak activations layer by layer",
        "bytes",
        lambda p: p.peak_activation_bytes,
    ),
    Quantity(
        "peak_engine_bytes",
        "Peak activations, lithe's plan",
        "Peak\nengine",
        "the peak activations under the engine's plan",
        "bytes",
        _fused_peak,
    ),
    Quantity(
        "moved_bytes",
        "Bytes moved",
        "Moved\nbytes",
        "the bytes moved",
        "bytes",
        lambda p: p.moved_bytes or None,
    ),
    Quantity(
        "energy_j",
        "Energy (estimate)",
        "Energy\nestimate",
        "the energy by estimate",
        "joules",
        _estimate,
    ),
    Quantity(
        "lithe_s",
        "Latency, lithe's engine",
        "Engine",
        "the time in lithe's engine",
        "seconds",
        _median("lithe"),
        counted=False,
    ),
    Quantity(
        "eager_s",
        "Latency, eager PyTorch",
        "Eager",
        "the time in eager PyTorch",
        "seconds",
        _median("eager"),
        counted=False,
    ),
)
MACS = QUANTITIES[0]


def known(profiles: tuple[Profile, ...]) -> tuple[Quantity, ...]:
    """The quantities that at least one network has."""
    return tuple(each for each in QUANTITIES if any(each.of(p) is not None for p in profiles))
