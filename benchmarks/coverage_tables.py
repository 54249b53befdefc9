"""The tables of docs/coverage.md, from the rows of `coverage.py` and of `counters.py`."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks.counters import DISAGREEMENTS

from lithe.cost import FLOPS_PER_MAC

Row = Mapping[str, Any]


def families_of(rows: Sequence[Row]) -> dict[str, tuple[Row, ...]]:
    """The rows by family, in order."""
    gathered: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        gathered[row["family"]].append(row)
    return {family: tuple(members) for family, members in sorted(gathered.items())}


def convolutional(rows: Sequence[Row]) -> dict[str, tuple[Row, ...]]:
    """Those families of which at least half of the networks are convolutional."""
    return {
        family: members
        for family, members in families_of(rows).items()
        if 2 * sum(row["convolutional"] for row in members) >= len(members)
    }


def is_whole(row: Row) -> bool:
    """Whether a network was profiled with no operator unknown."""
    return "failure" not in row and not row["unknown"]


def coverage(result: Mapping[str, Any]) -> str:
    """A line for each convolutional family, and what that is in all."""
    rows: Sequence[Row] = result["rows"]
    chosen = convolutional(rows)
    lines = [
        "| family | networks | no unknown operator | GMACs | seconds: median, most | unknown |",
        "| --- | --- | --- | --- | --- | --- |",
        *(_line(family, members) for family, members in chosen.items()),
    ]
    inside = [row for members in chosen.values() for row in members]
    outside = [row for row in rows if row["family"] not in chosen]
    own = [row for row in rows if row["convolutional"]]
    slowest = max((row for row in own if "seconds" in row), key=lambda row: row["seconds"])
    agreeing = [row for row in inside if is_whole(row)]
    equal = sum(row["torch_flops"] == FLOPS_PER_MAC * row["macs"] for row in agreeing)
    versions = result["conditions"]["versions"]
    inner = (
        f"{len(chosen)} convolutional families with {len(inside)} networks: {_share(inside)} have "
        f"no unknown operator. Of those `torch.utils.flop_counter` has the same count for {equal}, "
        f"and for the rest another one that the next section explains. Of all {len(own)} networks "
        f"that are convolutional themselves, {_share(own)} have none, and the slowest profile is "
        f"that of {slowest['name']}, {slowest['seconds']:.1f} s."
    )
    outer = (
        f"Of the {len(outside)} networks of all other families, mostly transformers, "
        f"{_share(outside)} have no unknown operator."
    )
    conditions = (
        f"timm {versions['timm']}, torchvision {versions['torchvision']}, "
        f"torch {versions['torch']}, {result['conditions']['date']}."
    )
    rest = f"Unknown or failed there: {_unknown(outside)}." if _unknown(outside) else ""
    return "\n".join([*lines, "", inner, "", f"{outer} {rest}".strip(), "", conditions])


def _line(family: str, members: Sequence[Row]) -> str:
    macs = [row["macs"] / 1e9 for row in members if "macs" in row]
    seconds = [row["seconds"] for row in members if "seconds" in row]
    whole = sum(is_whole(row) for row in members)
    sizes = f"{min(macs):.2f} to {max(macs):.2f}" if len(macs) > 1 else f"{macs[0]:.2f}"
    return (
        f"| {family} | {len(members)} | {whole} | {sizes} "
        f"| {median(seconds):.1f}, {max(seconds):.1f} | {_unknown(members)} |"
    )


def _share(rows: Sequence[Row]) -> str:
    whole = sum(is_whole(row) for row in rows)
    return f"{whole} ({whole / len(rows):.1%})"


def _unknown(rows: Sequence[Row]) -> str:
    counts = Counter(name for row in rows for name in row.get("unknown", ()))
    failed = sum("failure" in row for row in rows)
    said = [f"`{name}` in {times}" for name, times in counts.most_common()]
    return ", ".join([*said, *([f"{failed} cannot be captured"] if failed else [])])


def counters() -> str:
    """A line for each difference to another counter."""
    lines = [
        "| counter | function | its count, less ours | why |",
        "| --- | --- | --- | --- |",
    ]
    lines += [
        f"| {', '.join(row.counters)} | {', '.join(f'`{name}`' for name in row.functions)} "
        f"| {row.formula} | {row.reason} |"
        for row in DISAGREEMENTS
    ]
    return "\n".join(lines)
