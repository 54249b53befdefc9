"""Layers beside what was measured: a step of a run may do the work of several of them.

Its time is that of all of them together and is never divided among them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lithe.cost import LayerCost
from lithe.profiling import Profile
from lithe.profiling.values import Bound, RunLatency, StepLatency

Sort = Literal["macs", "params", "memory", "time"]


@dataclass(frozen=True, slots=True)
class StepGroup:
    """Layers that run as one step, as indices into `Profile.layers`.

    `step` is None where nothing was measured, or where the runtime needs no time for them
    (views). `again` are those that an earlier step works for, too. `bound` is that of the
    step, or of the one layer where it was only predicted.
    """

    layers: tuple[int, ...]
    step: StepLatency | None = None
    bound: Bound | None = None
    again: frozenset[int] = frozenset()

    @property
    def seconds(self) -> float | None:
        """The median, None where nothing was measured."""
        return self.step.p50_s if self.step else None

    @property
    def share(self) -> float | None:
        """The share of the bound that was reached."""
        return self.step.share if self.step else None


def step_groups(profile: Profile, run: RunLatency | None) -> tuple[StepGroup, ...]:
    """Every layer in a group at least, in the order of the groups' first layers."""
    bounds = profile.prediction.bounds if profile.prediction else ()
    seen: set[int] = set()
    groups = []
    for step in run.steps if run else ():
        layers = tuple(sorted(set(step.layers)))
        groups.append(StepGroup(layers, step, step.bound, frozenset(seen & set(layers))))
        seen |= set(layers)
    for index in range(len(profile.layers)):
        if index not in seen:
            bound = bounds[index] if bounds and run is None else None
            groups.append(StepGroup((index,), None, bound))
    # A step without a layer (a copy at the end) stays behind the one that it follows.
    places = []
    at = -1
    for group in groups:
        at = group.layers[0] if group.layers else at
        places.append(at)
    order = sorted(range(len(groups)), key=lambda i: places[i])
    return tuple(groups[i] for i in order)


def sorted_groups(
    profile: Profile, groups: Sequence[StepGroup], sort: Sort | None
) -> tuple[StepGroup, ...]:
    """The groups as they are, or the most costly first; what one holds stays together."""
    if sort is None:
        return tuple(groups)
    return tuple(sorted(groups, key=lambda group: -_size(profile, group, sort)))


def _size(profile: Profile, group: StepGroup, sort: Sort) -> float:
    rows: list[LayerCost] = [profile.layers[i] for i in group.layers if i not in group.again]
    match sort:
        case "macs":
            return sum(row.macs for row in rows)
        case "params":
            return sum(row.params for row in rows)
        case "memory":
            return max((row.live_bytes for row in rows), default=0)
        case "time":
            return group.seconds or (group.bound.seconds if group.bound else 0.0)
