"""The one place that imports torchvision.

torchvision's published wheels are built for CUDA. Beside a CPU build of torch their
compiled part does not load, so the operators that it would have declared are missing, and
`import torchvision` fails with "operator torchvision::nms does not exist". Its Python part
(transforms, image folders, reference networks) needs none of them. Declaring the schemas,
without implementations, lets it import; nothing is declared where the compiled part loads.
"""

import importlib.util
from pathlib import Path

import torch

# Operators for which torchvision's Python code registers shape rules when it is imported.
_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_declared: list[torch.library.Library] = []  # a library's schemas go when it is collected


def _load_compiled_part() -> bool:
    spec = importlib.util.find_spec("torchvision")
    folders = spec.submodule_search_locations if spec else None
    for library in sorted(Path((folders or ["."])[0]).glob("_C*")):
        try:
            torch.ops.load_library(str(library))
        except OSError:
            continue
        return True
    return False


def _declare_missing() -> None:
    if _declared or hasattr(torch.ops.torchvision, "nms") or _load_compiled_part():
        return
    library = torch.library.Library("torchvision", "FRAGMENT")
    for schema in _SCHEMAS:
        library.define(schema)
    _declared.append(library)


_declare_missing()

import torchvision  # noqa: E402
from torchvision import datasets, models  # noqa: E402
from torchvision.transforms import v2  # noqa: E402

__all__ = ["datasets", "models", "torchvision", "v2"]
