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


def write(name: str, rows: list[dict[str, Any]]) -> None:
    """Replace the results of that name."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({"conditions": conditions(), "rows": rows}, indent=1) + "\n")
