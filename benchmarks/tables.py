"""Write the tables of README and docs, between their markers, and the plot from the results."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.convert_tables import conversion, conversion_times
from benchmarks.coverage_tables import counters, coverage
from benchmarks.dimensions_tables import dimensions
from benchmarks.latency_plot import latency_svg
from benchmarks.latency_tables import PLOT, latency
from benchmarks.prediction_tables import prediction
from benchmarks.search_tables import inherited, search, space

from lithe.units import format_bytes, format_count

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = (README, *(ROOT / f"docs/{name}.md" for name in ("convert", "coverage", "fit")))


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


Table = Callable[[dict[str, Any]], str]
TABLES: dict[str, Table] = {
    "convert_resnet18": conversion,
    "convert_vgg11": conversion,
    "convert_times": conversion_times,
    "coverage": coverage,
    "digits": digits,
    "dimensions": dimensions,
    "folder": folder,
    "inherit": inherited,
    "latency": latency,
    "prediction": prediction,
    "search": search,
}
# Of data in the code, which need no result file.
TEXTS: dict[str, Callable[[], str]] = {"counters": counters, "space": space}
PLOTS: dict[str, tuple[Path, Table]] = {"latency": (ROOT / PLOT, latency_svg)}


def result(name: str) -> dict[str, Any] | None:
    """What a result file holds, None where nothing was kept."""
    path = Path(__file__).parent / "results" / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None


def written(text: str) -> str:
    """The text with every marked table replaced by what the result files say."""
    for name, table in TABLES.items():
        values = result(name)
        if values is not None:
            text = _replaced(text, name, table(values))
    for name, said in TEXTS.items():
        text = _replaced(text, name, said())
    return text


def _replaced(text: str, name: str, table: str) -> str:
    start, end = f"<!-- table: {name} -->", "<!-- end -->"
    head, marker, rest = text.partition(start)
    return f"{head}{start}\n{table}\n{rest[rest.index(end) :]}" if marker else text


def drawn() -> dict[Path, str]:
    """The plots whose result files are kept, as the text of their files."""
    return {
        path: plot(values)
        for name, (path, plot) in PLOTS.items()
        if (values := result(name)) is not None
    }


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(written(page.read_text()))
    for path, text in drawn().items():
        path.write_text(text)
