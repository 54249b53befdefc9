"""Several networks side by side: a profile of each, or why there is none."""

from dataclasses import dataclass
from html import escape

from lithe.errors import LitheError
from lithe.profiling.values import Profile
from lithe.runtimes import RUNTIMES, WORDS, RuntimeName
from lithe.units import format_bytes, format_count, format_seconds


@dataclass(frozen=True, slots=True)
class Refused:
    """A network that could not be profiled, and why in one line."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Networks in the order in which they were asked for; `to` is what they are measured by.

    Latencies of one runtime were taken in turns, so their ratios hold where a machine's
    clock drifts. `to` is the place among `profiles` of the network that is 1 in every ratio.
    """

    rows: tuple[Profile | Refused, ...]
    to: int = 0

    @property
    def profiles(self) -> tuple[Profile, ...]:
        """The networks that could be profiled."""
        return tuple(row for row in self.rows if isinstance(row, Profile))

    @property
    def refused(self) -> tuple[Refused, ...]:
        """The networks that could not."""
        return tuple(row for row in self.rows if isinstance(row, Refused))

    @property
    def base(self) -> Profile:
        """The network that the others are compared to."""
        return self.profiles[self.to]

    def _repr_html_(self) -> str:
        """A line for each network, in a notebook's own colours."""
        heads = ("Network", "MACs", "Params", "Peak activations", *WORDS.values())
        head = "".join(f"<th>{escape(name)}</th>" for name in heads)
        return (
            "<table><caption>1 MAC = 2 FLOPs</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{''.join(map(_line, self.rows))}</tbody></table>"
        )


def place_of(rows: tuple[Profile | Refused, ...], name: str | None) -> int:
    """Where the network called `name` is among the profiles; the first where None.

    Raises:
        LitheError: every network was refused, or the one asked for, or there is none of
            that name.
    """
    profiles = [row.name for row in rows if isinstance(row, Profile)]
    refused = {row.name: row.reason for row in rows if isinstance(row, Refused)}
    if not profiles:
        reasons = "; ".join(f"{each}: {reason}" for each, reason in refused.items())
        raise LitheError(f"none of these networks can be compared: {reasons}")
    if name is None:
        return 0
    if name in profiles:
        return profiles.index(name)
    if name in refused:
        raise LitheError(f"nothing can be compared to {name}: {refused[name]}")
    raise LitheError(f"{name!r} is none of the networks compared: {', '.join(profiles)}")


def _line(row: Profile | Refused) -> str:
    if isinstance(row, Refused):
        return f"<tr><td>{escape(row.name)}</td><td colspan=5>{escape(row.reason)}</td></tr>"
    bound = "at least " if row.unknown else ""
    cells = (
        row.name,
        bound + format_count(row.macs),
        bound + format_count(row.params),
        bound + format_bytes(row.peak_activation_bytes),
        *(_median(row, runtime) for runtime in RUNTIMES),
    )
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"


def _median(row: Profile, runtime: RuntimeName) -> str:
    run = row.latency(runtime)
    return format_seconds(run.total.p50_s) if run else "-"
