"""Design, train and measure efficient convolutional networks for a budget."""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from lithe.arch import Architecture
    from lithe.engine.compile import compile
    from lithe.errors import LitheError
    from lithe.nets.build import create
    from lithe.nets.load import load
    from lithe.profiling.compare import compare
    from lithe.profiling.profile import profile
    from lithe.run.api import fit, pareto, resume, train
    from lithe.run.conversion.api import convert
    from lithe.search.budget import Budget
    from lithe.training.predict import predict

# Where each public name lives; nothing of it is imported until the name is used.
_HOME = {
    "Architecture": "lithe.arch",
    "Budget": "lithe.search.budget",
    "LitheError": "lithe.errors",
    "compare": "lithe.profiling.compare",
    "compile": "lithe.engine.compile",
    "convert": "lithe.run.conversion.api",
    "create": "lithe.nets.build",
    "fit": "lithe.run.api",
    "load": "lithe.nets.load",
    "pareto": "lithe.run.api",
    "predict": "lithe.training.predict",
    "profile": "lithe.profiling.profile",
    "resume": "lithe.run.api",
    "train": "lithe.run.api",
}

__all__ = [
    "Architecture",
    "Budget",
    "LitheError",
    "compare",
    "compile",
    "convert",
    "create",
    "fit",
    "load",
    "pareto",
    "predict",
    "profile",
    "resume",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'lithe' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
