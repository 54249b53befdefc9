"""The tables of docs/fit.md: inherited weights, and the search against the grid."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from statistics import StatisticsError, correlation, mean
from typing import Any

from lithe.search.families import FAMILIES
from lithe.search.space import DesignSpace, design_space
from lithe.units import format_count

Row = Mapping[str, Any]
SPACE, GRID, EQUAL = METHODS = "space", "grid", "grid, equal time"


SIDES = (8, 32, 224)  # of the images for which the size of the space is told


def space() -> str:
    """What may be chosen for the stages of each family, and how many networks that makes."""
    lines = [
        "| family | stages | repeats | expansions | kernels |",
        "| --- | --- | --- | --- | --- |",
    ]
    for family in FAMILIES:
        repeats = ", ".join(f"{min(s.n)}-{max(s.n)}" for s in family.stages)
        expansions = sorted({t for stage in family.stages for t in stage.t} - {1})
        kernels = sorted({k for stage in family.stages for k in stage.k})
        cells = [f"`{family.name}`", str(len(family.stages)), repeats]
        cells += [", ".join(map(str, values)) or "none" for values in (expansions, kernels)]
        lines.append(f"| {' | '.join(cells)} |")
    sizes = [_size(side, design_space(side)) for side in SIDES]
    return "\n".join([*lines, "", *sizes])


def _size(side: int, of: DesignSpace) -> str:
    exponent = len(str(of.size())) - 1
    return (
        f"- images of {side} pixels: inputs of {', '.join(map(str, of.resolutions))} pixels, "
        f"at least 10^{exponent} networks"
    )


def inherited(result: Mapping[str, Any]) -> str:
    """A line for each data set and seed, and what follows for the search."""
    rows: Sequence[Row] = result["rows"]
    lines = [
        "| images | seed | race, own weights | race, inherited | full | order, own | inherited |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    families = _groups(rows, ("data", "seed"))
    for (data, seed), family in families:
        cells = [data, str(seed)]
        cells += [f"{mean(row[key] for row in family):.1%}" for key in RACES]
        cells += [_signed(order(family, key)) for key in RACES[:2]]
        lines.append(f"| {' | '.join(cells)} |")
    note = (
        "Mean accuracies of the networks of a family, and Spearman's rank correlation between "
        "their accuracies after the race and after the full training: 1 where the race has "
        "them in the same order, 0 where it says nothing."
    )
    gains = [order(family, RACES[1]) - order(family, RACES[0]) for _, family in families]
    verdict = (
        f"Inherited weights change this agreement by {_signed(mean(gains))} on average; "
        f"it is better in {sum(gain > 0 for gain in gains)} of {len(gains)} families."
    )
    return "\n".join([*lines, "", note, verdict, "", _conditions(result)])


RACES = ("race_alone", "race_inherited", "full")


def order(family: Sequence[Row], race: str) -> float:
    """Spearman's rank correlation of the accuracies after a race and after full training."""
    try:
        return correlation(
            _ranks([row[race] for row in family]), _ranks([row["full"] for row in family])
        )
    except StatisticsError:  # all are equal, which tells no order
        return 0.0


def _ranks(values: Sequence[float]) -> list[float]:
    """Equal values share the mean of their ranks."""
    ordered = sorted(values)
    return [ordered.index(value) + (ordered.count(value) - 1) / 2 for value in values]


def search(result: Mapping[str, Any]) -> str:
    """A line for each run, and whether the search of the design space was worth its time."""
    rows: Sequence[Row] = result["rows"]
    lines = [
        "| images | budget | seed | method | accuracy | network | MACs | epochs | trained MACs |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        cells = (
            row["data"],
            f"`{row['budget']}`",
            str(row["seed"]),
            row["method"],
            f"{row['accuracy']:.1%}",
            f"`{row['chosen']['label']}`",
            format_count(row["chosen"]["macs"]),
            str(row["epochs"]),
            format_count(row["trained_macs"]),
        )
        lines.append(f"| {' | '.join(cells)} |")
    note = (
        "Accuracy on held-out images. Trained MACs: epochs x MACs x images, of all short "
        "trainings and the full one; the grid at equal time has at least those of the space."
    )
    return "\n".join([*lines, "", note, "", _means(rows), "", _conditions(result)])


def _means(rows: Sequence[Row]) -> str:
    """A line for each data set and budget: the mean over seeds of each method."""
    lines = [
        f"| images | budget | seeds | {' | '.join(METHODS)} | gain on the grid at equal time |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for (data, budget), cases in _groups(rows, ("data", "budget")):
        of = {m: [row["accuracy"] for row in cases if row["method"] == m] for m in METHODS}
        means = [f"{mean(of[method]):.2%}" for method in METHODS]
        gain = 100 * (mean(of[SPACE]) - mean(of[EQUAL]))
        verdict = f"{gain:+.2f} points" + ("" if gain > 0 else ", **not better**")
        lines.append(
            f"| {data} | `{budget}` | {len(of[SPACE])} | {' | '.join(means)} | {verdict} |"
        )
    return "\n".join(lines)


def _groups(rows: Sequence[Row], keys: Sequence[str]) -> list[tuple[tuple[Any, ...], list[Row]]]:
    def of(row: Row) -> tuple[Any, ...]:
        return tuple(row[key] for key in keys)

    return [(group, list(members)) for group, members in groupby(sorted(rows, key=of), of)]


def _signed(value: float) -> str:
    return f"{value:+.2f}"


def _conditions(result: Mapping[str, Any]) -> str:
    c = result["conditions"]
    return f"{c['cpu']}, torch {c['versions']['torch']}, Python {c['python']}, {c['date']}."
