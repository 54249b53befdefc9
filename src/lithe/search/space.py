"""The design space: what a point may choose, which points there are, and the tables they mean.

A point has a family, an input resolution, an activation, and for each stage of its family
repeats, expansion, kernel, squeeze-and-excite and activation. A width makes an
`Architecture` of it. The grid of the first version, the families' own tables at all widths
and resolutions, is a part of the space.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from itertools import product
from math import prod

from msgspec.structs import replace

from lithe.arch import ARCHITECTURES, Architecture, architecture, changed, strides
from lithe.arch.structure import own_stages, restructured, stage_rows
from lithe.errors import LitheError
from lithe.search.families import FAMILIES as STAGED
from lithe.search.families import Family, StageChoices
from lithe.search.point import Point, StageChoice

FAMILIES = tuple(family.name for family in STAGED)
# The papers' multipliers and steps between and below them, for budgets that lie in between.
WIDTHS = (
    0.04, 0.05, 0.06, 0.08, 0.1, 0.12, 0.15, 0.18, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6,
    0.75, 0.85, 1.0, 1.2, 1.4, 1.7, 2.0,
)  # fmt: skip
RESOLUTIONS = (8, 12, 16, 24, 32, 48, 64, 80, 96, 128, 160, 192, 224)
ENLARGED = 2.0  # images may be shown at up to this many times their own size ...
NEVER_ENLARGED = 64  # ... below this many pixels; larger ones have detail enough

Value = str | int | bool


@dataclass(frozen=True, slots=True)
class Maps:
    """The sides in pixels of the square maps that a stage's first block and the others read."""

    first: int
    others: int


Constraint = Callable[[StageChoice, Maps], bool]


def kernel_fits_its_maps(choice: StageChoice, maps: Maps) -> bool:
    """No kernel above 3 is wider than a map that it reads.

    On a map as wide as the kernel somewhat less than half of its multiplications meet
    padding; beyond that most do. Kernels of 3 are the papers' on maps of any size.

    >>> kernel_fits_its_maps(StageChoice(n=2, t=6, k=5), Maps(first=8, others=4))
    False
    """
    smallest = min(maps.first, maps.others) if choice.n > 1 else maps.first
    return choice.k <= max(3, smallest)


CONSTRAINTS: tuple[Constraint, ...] = (kernel_fits_its_maps,)


@dataclass(frozen=True)
class DesignSpace:
    """All points with one of these families and resolutions that meet the constraints.

    A constraint looks at what is chosen for one stage and at the maps that it reads there.
    """

    resolutions: tuple[int, ...]
    families: tuple[Family, ...] = STAGED
    widths: tuple[float, ...] = WIDTHS
    constraints: tuple[Constraint, ...] = CONSTRAINTS

    def size(self) -> int:
        """How many networks: points that meet the constraints, each at every width."""
        points = sum(
            len(family.act)
            * prod(len(self._possible(family, i, r)) for i in range(len(family.stages)))
            for family in self.families
            for r in self.resolutions
        )
        return points * len(self.widths)

    def choices(self) -> dict[str, tuple[Value, ...]]:
        """The parameters by name, each with its values, in an order that stays.

        `family` and `resolution`, then `mobilenet_v2.act` and `mobilenet_v2.3.k` for the
        third stage's kernel; a parameter of one value is left out. Those of other families
        than the chosen one have no effect.
        """
        all_of: dict[str, tuple[Value, ...]] = {
            "family": tuple(family.name for family in self.families),
            "resolution": self.resolutions,
        }
        for family in self.families:
            all_of[f"{family.name}.act"] = family.act
            for number, stage in enumerate(family.stages, 1):
                for name in _FIELDS:
                    all_of[f"{family.name}.{number}.{name}"] = getattr(stage, name)
        return {name: values for name, values in all_of.items() if len(values) > 1}

    def parameters(self, point: Point) -> dict[str, Value]:
        """A point by parameter, those of its own family only; `point_of` reads them back."""
        known = self.choices()
        result: dict[str, Value] = {"family": point.family, "resolution": point.resolution}
        result[f"{point.family}.act"] = point.activation
        for number, stage in enumerate(point.stages, 1):
            for name in _FIELDS:
                value = getattr(stage, name)
                value = point.activation if value is None else value
                result[f"{point.family}.{number}.{name}"] = value
        return {name: value for name, value in result.items() if name in known}

    def point_of(self, parameters: Mapping[str, Value | float]) -> Point:
        """The point that parameters stand for; where they break a constraint, one beside it.

        A stage that breaks one gets, of the choices with the same repeats, the one that
        meets all and differs in the fewest values, with the nearest kernel below.

        Raises:
            LitheError: a parameter of the chosen family is missing, or has a value that is
                none of its choices.
        """
        known = self.choices()

        def value(name: str, values: tuple[Value, ...]) -> Value:
            found = parameters.get(name) if name in known else values[0]
            if found is None or isinstance(found, float) or found not in values:
                raise LitheError(f"{name}={found!r} is none of its values, {values}")
            return found

        name = value("family", tuple(family.name for family in self.families))
        family = self._family(str(name))
        resolution = int(value("resolution", self.resolutions))
        activation = value(f"{name}.act", family.act)
        stages = []
        for index, stage in enumerate(family.stages):
            chosen = {
                each: value(f"{name}.{index + 1}.{each}", getattr(stage, each)) for each in _FIELDS
            }
            stages.append(self._mended(StageChoice(**chosen), family, index, resolution))  # type: ignore[arg-type]
        return _point(family, resolution, activation, stages)

    def random_point(self, rng: random.Random) -> Point:
        """A point drawn evenly over the points of a family and resolution drawn before."""
        family, resolution = rng.choice(self.families), rng.choice(self.resolutions)
        activation = rng.choice(family.act)
        stages = [
            rng.choice(self._possible(family, index, resolution))
            for index in range(len(family.stages))
        ]
        return _point(family, resolution, activation, stages)

    def base_point(self, family: str, resolution: int) -> Point:
        """The family's own table, as its paper has it."""
        table = ARCHITECTURES[family]
        return Point(family, resolution, table.activation, own_stages(table))

    def allowed(self, point: Point) -> bool:
        """Whether a point meets the constraints."""
        return all(
            constraint(stage, _maps(point.family, point.resolution)[index])
            for index, stage in enumerate(point.stages)
            for constraint in self.constraints
        )

    def _family(self, name: str) -> Family:
        return next(family for family in self.families if family.name == name)

    def _possible(self, family: Family, index: int, resolution: int) -> tuple[StageChoice, ...]:
        return _possible(family.name, family.stages[index], index, resolution, self.constraints)

    def _mended(
        self, choice: StageChoice, family: Family, index: int, resolution: int
    ) -> StageChoice:
        possible = self._possible(family, index, resolution)
        if choice in possible:
            return choice

        def unlike(other: StageChoice) -> tuple[bool, int, int]:
            others = sum(getattr(other, name) != getattr(choice, name) for name in _FIELDS)
            return other.n != choice.n, others, abs(other.k - choice.k)

        return min(possible, key=unlike)


_FIELDS = tuple(field.name for field in fields(StageChoices))


@cache
def _maps(family: str, resolution: int) -> tuple[Maps, ...]:
    """Of each stage; they depend on the strides alone, which no point changes."""
    table = changed(ARCHITECTURES[family], resolution=resolution)
    result, side = [], resolution
    places = stage_rows(table)
    for index, stride in enumerate(strides(table)):
        after = -(-side // stride)
        if index in places:
            result.append(Maps(side, after))
        side = after
    return tuple(result)


@cache
def _possible(
    family: str,
    stage: StageChoices,
    index: int,
    resolution: int,
    constraints: tuple[Constraint, ...],
) -> tuple[StageChoice, ...]:
    """What may be chosen for a stage at a resolution; every activation by its name."""
    maps = _maps(family, resolution)[index]
    every = (
        StageChoice(*values)
        for values in product(stage.n, stage.t, stage.k, stage.squeeze, stage.act)
    )
    found = tuple(
        choice for choice in every if all(constraint(choice, maps) for constraint in constraints)
    )
    if not found:
        raise LitheError(
            f"{family} at {resolution} pixels: no choice for stage {index + 1} meets the "
            "constraints; leave out the resolution, or a constraint"
        )
    return found


def _point(family: Family, resolution: int, activation: object, stages: list[StageChoice]) -> Point:
    """A point in its one form: a stage names no activation that is the network's."""
    plain = (replace(s, act=None) if s.act == activation else s for s in stages)
    return Point(family.name, resolution, activation, tuple(plain))  # type: ignore[arg-type]


def table_of(
    point: Point, width: float, num_classes: int = 1000, in_channels: int = 3
) -> Architecture:
    """The table of a point at a width; its name says the structure, and so does its label.

    Raises:
        LitheError: the width leaves a row without channels, or a stage that the family does
            not have.
    """
    return changed(
        restructured(ARCHITECTURES[point.family], point.activation, point.stages),
        width=width,
        resolution=point.resolution,
        num_classes=num_classes,
        in_channels=in_channels,
    )


def distance(a: Point, b: Point) -> float:
    """The share of choices that two points differ in, 0 to 1; 1 between two families."""
    if a.family != b.family:
        return 1.0
    differs = [a.resolution != b.resolution, a.activation != b.activation]
    for mine, other in zip(a.stages, b.stages, strict=True):
        differs += [getattr(mine, name) != getattr(other, name) for name in ("n", "t", "k")]
        differs.append(mine.squeeze != other.squeeze)
        differs.append((mine.act or a.activation) != (other.act or b.activation))
    return sum(differs) / len(differs)


def design_space(typical_side: int) -> DesignSpace:
    """The space for images whose shorter side is about `typical_side` pixels."""
    return DesignSpace(resolutions(typical_side))


def resolutions(typical_side: int) -> tuple[int, ...]:
    """Input sizes worth trying for images whose shorter side is about `typical_side` pixels.

    Not much beyond what the images hold: a network sees no more in an enlarged photo, but
    8 x 8 pixels are too coarse for its strides. Nor less than an eighth of the largest.
    """
    largest = max(typical_side, min(typical_side * ENLARGED, NEVER_ENLARGED))
    return tuple(r for r in RESOLUTIONS if largest / 8 <= r <= largest) or RESOLUTIONS[:1]


def space(typical_side: int, num_classes: int, in_channels: int) -> tuple[Architecture, ...]:
    """Every table of the grid that can be built, widest last within family and resolution."""
    tables = []
    for family in FAMILIES:
        for resolution in resolutions(typical_side):
            for width in WIDTHS:
                try:
                    table = architecture(
                        family,
                        width=width,
                        resolution=resolution,
                        num_classes=num_classes,
                        in_channels=in_channels,
                    )
                except LitheError:
                    continue  # so narrow that a row has no channel left
                tables.append(table)
    return tuple(tables)


def random_tables(
    typical_side: int,
    count: int,
    seed: int,
    suits: Callable[[Architecture], bool] = lambda _: True,
    *,
    num_classes: int = 10,
) -> tuple[Architecture, ...]:
    """So many different random points at random widths that suit; the same for the same seed."""
    space, rng = design_space(typical_side), random.Random(seed)
    found: dict[Architecture, None] = {}
    while len(found) < count:
        try:
            table = table_of(space.random_point(rng), rng.choice(WIDTHS), num_classes)
        except LitheError:
            continue  # so narrow that a row has no channel left
        if suits(table):
            found[table] = None
    return tuple(found)
