"""Write the README's tables from the result files, between their markers."""

import json
from pathlib import Path
from typing import Any

from lithe.units import format_bytes, format_count

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"


def digits(result: dict[str, Any]) -> str:
    """One line per seed, the chosen network beside its standard-convolution twin."""
    lines = [
        "| seed | held-out accuracy | network | MACs | peak activations | params |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in result["rows"]:
        chosen, twin = row["chosen"], row["standard_twin"]
        lines.append(
            f"| {row['seed']} | {row['accuracy']:.1%} | {chosen['label']} "
            f"| {format_count(chosen['macs'])} (twin {format_count(twin['macs'])}) "
            f"| {format_bytes(chosen['peak_activation_bytes'])} "
            f"| {format_count(chosen['params'])} (twin {format_count(twin['params'])}) |"
        )
    return "\n".join([*lines, "", _conditions(result)])


def folder(result: dict[str, Any]) -> str:
    """One line per seed and network."""
    lines = [
        "| seed | network | held-out accuracy | MACs | peak activations | params |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {row['seed']} | {row['network']} | {row['accuracy']:.1%} "
        f"| {format_count(row['macs'])} | {format_bytes(row['peak_activation_bytes'])} "
        f"| {format_count(row['params'])} |"
        for row in result["rows"]
    ]
    return "\n".join([*lines, "", _conditions(result)])


def _conditions(result: dict[str, Any]) -> str:
    c = result["conditions"]
    return (
        f"{c['cpu']}, {c['threads']} threads, torch {c['versions']['torch']}, "
        f"Python {c['python']}, {c['date']}."
    )


TABLES = {"digits": digits, "folder": folder}


def written(text: str) -> str:
    """The text with every marked table replaced by what the result files say."""
    for name, table in TABLES.items():
        path = Path(__file__).parent / "results" / f"{name}.json"
        if not path.exists():
            continue
        start, end = f"<!-- table: {name} -->", "<!-- end -->"
        head, marker, rest = text.partition(start)
        if marker:
            rest = rest[rest.index(end) :]
            text = f"{head}{start}\n{table(json.loads(path.read_text()))}\n{rest}"
    return text


if __name__ == "__main__":
    README.write_text(written(README.read_text()))
