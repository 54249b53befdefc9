"""Costs by module path: what a network spends where, as a tree of sums."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from lithe.cost.count import LayerCost


@dataclass(frozen=True, slots=True)
class ModuleCost:
    """A module and everything in it, added up.

    `name` is the last part of `path`; both are "" for the whole network. `layers` are the
    indices of all its layers, those of its `children` included; a layer that bears the path
    of a module with children (the addition at the end of a block) is in no child. Where
    `unknown` is above 0, that many layers have no rule, and the sums are lower bounds.
    """

    name: str
    path: str
    macs: int
    params: int
    other_ops: int
    activation_bytes: int
    read_bytes: int
    weight_bytes: int
    unknown: int
    layers: tuple[int, ...]
    children: tuple["ModuleCost", ...] = ()

    @property
    def moved_bytes(self) -> int:
        """Bytes that cross between memory and its layers: weights, inputs, outputs."""
        return self.read_bytes + self.weight_bytes + self.activation_bytes


@dataclass(slots=True)
class _Place:
    layers: list[int] = field(default_factory=list)
    inside: dict[str, "_Place"] = field(default_factory=dict)


def by_module(rows: Sequence[LayerCost]) -> ModuleCost:
    """The tree of modules that layers with paths such as `blocks.3.expand` are in.

    Modules are in the order in which they first run.

    >>> from lithe.arch import architecture
    >>> from lithe.cost import cost
    >>> from lithe.graph import from_arch
    >>> tree = by_module(cost(from_arch(architecture("mobilenet_v1"))).layers)
    >>> [(child.name, child.macs) for child in tree.children]
    [('blocks', 567716352), ('pool', 0), ('classifier', 1024000)]
    """
    root = _Place()
    for index, row in enumerate(rows):
        place = root
        place.layers.append(index)
        for part in row.path.split(".") if row.path else ():
            place = place.inside.setdefault(part, _Place())
            place.layers.append(index)
    return _summed("", "", root, rows)


def _summed(name: str, path: str, place: _Place, rows: Sequence[LayerCost]) -> ModuleCost:
    own = [rows[index] for index in place.layers]
    return ModuleCost(
        name=name,
        path=path,
        macs=sum(row.macs for row in own),
        params=sum(row.params for row in own),
        other_ops=sum(row.other_ops for row in own),
        activation_bytes=sum(row.activation_bytes for row in own),
        read_bytes=sum(row.read_bytes for row in own),
        weight_bytes=sum(row.weight_bytes for row in own),
        unknown=sum(row.kind == "unknown" for row in own),
        layers=tuple(place.layers),
        children=tuple(
            _summed(part, f"{path}.{part}".lstrip("."), inside, rows)
            for part, inside in place.inside.items()
        ),
    )
