"""Under which conditions a row was measured, and where rows are kept."""

import json
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from lithe.run.machine import prepare
from lithe.run.settings import Settings

RESULTS = Path(__file__).parent / "results"


def conditions() -> dict[str, Any]:
    """CPU, threads, versions and date."""
    return {
        "cpu": prepare(Settings(data="")).cpu,
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("torch", "torchvision", "timm", "lithe")},
        "date": datetime.now(UTC).date().isoformat(),
    }


def write(name: str, rows: list[dict[str, Any]], line_each: bool = False) -> None:
    """Replace the results of that name; with `line_each` a row is one line of the file."""
    path = RESULTS / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"conditions": conditions(), "rows": [] if line_each else rows}, indent=1)
    if line_each:
        lines = ",\n".join(f"  {json.dumps(row)}" for row in rows)
        text = text.replace('"rows": []', f'"rows": [\n{lines}\n ]')
    path.write_text(text + "\n")
