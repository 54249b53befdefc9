"""What can run a cell: one file per library, one line in `ENGINES`.

Every file has functions `(Case) -> Loaded` that load the folder of a cell. They are imported
in the worker's process only, and by name, so that a library that is missing is a gap in the
table and the process of one engine holds nothing of another.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from lithe.errors import LitheError

OURS = "lithe"
# Of the largest logit. In fp32 engines differ from float64 by 2e-6; Winograd's tricks take more.
FP32_TOLERANCE = 2e-5
# Eight bits of mantissa through fifty layers: this only tells a wrong network from a right one.
REDUCED_TOLERANCE = 0.1


@dataclass(frozen=True, slots=True)
class Case:
    """What a worker is to load: by which function, from which folder, for how many threads."""

    load: str  # "module:function", called with this case
    folder: str
    network: str
    resolution: int
    threads: int


@dataclass(frozen=True, slots=True)
class Loaded:
    """An engine ready to run: one inference, and its logits (n, classes) as a NumPy array.

    `facts` are what it says of itself, such as the precision that it chose.
    """

    run: Callable[[], Any]
    logits: Callable[[], Any]
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Engine:
    """One line of the table.

    `load` is "module:function"; `package` names the distribution whose version stands in the
    row; `files` are those of a prepared folder that it reads besides the weights. An engine
    that times alternatives while it loads does so `alone`, while the others are stopped.
    """

    load: str
    package: str
    files: tuple[str, ...] = ()
    tolerance: float = FP32_TOLERANCE
    alone: bool = False


def load(case: Case) -> Loaded:
    """Load a case in this process."""
    module, _, function = case.load.partition(":")
    loader: Callable[[Case], Loaded] = getattr(importlib.import_module(module), function)
    return loader(case)


def installed(engine: str) -> str | None:
    """The version of an engine's library, None where it is not installed."""
    try:
        return version(ENGINES[engine].package)
    except PackageNotFoundError:
        return None


def chosen(against: str) -> tuple[str, ...]:
    """This engine and its rivals: `all`, or names with commas between them.

    >>> chosen("onnxruntime,openvino")
    ('lithe', 'onnxruntime', 'openvino')

    Raises:
        LitheError: a name that is not in `ENGINES`.
    """
    if against == "all":
        return tuple(ENGINES)
    names = [name.strip() for name in against.split(",") if name.strip()]
    for name in names:
        if name not in ENGINES:
            raise LitheError(f"unknown engine {name!r}; known: all, {', '.join(ENGINES)}")
    return tuple(dict.fromkeys((OURS, *names)))


_HERE = "lithe.bench.engines"
PEAK = f"{_HERE}.ceilings:fma_peak"
BARE = f"{_HERE}.ceilings:bare"
OURS_FROM_FILE = f"{_HERE}.own:from_file"
ENGINES: dict[str, Engine] = {
    OURS: Engine(f"{_HERE}.own:compiled", "lithe", alone=True),
    "xnnpack": Engine(f"{_HERE}.executorch:xnnpack", "executorch", ("model.pte",)),
    "openvino": Engine(f"{_HERE}.openvino:fp32", "openvino", ("model.onnx",)),
    "openvino-auto": Engine(
        f"{_HERE}.openvino:own_choice", "openvino", ("model.onnx",), REDUCED_TOLERANCE
    ),
    "onnxruntime": Engine(f"{_HERE}.onnxruntime:session", "onnxruntime", ("model.onnx",)),
    "torch-compile": Engine(f"{_HERE}.pytorch:inductor", "torch"),
    "torch-channels-last": Engine(f"{_HERE}.pytorch:channels_last", "torch"),
    "torch": Engine(f"{_HERE}.pytorch:eager", "torch"),
}
