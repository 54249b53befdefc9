"""The stand-in for torchvision's compiled part: there only where it is needed."""

import subprocess
import sys

COMPAT = "from lithe.nets import torchvision_compat as compat\n"
MISSING = "torch._C._dispatch_has_kernel_for_dispatch_key('torchvision::nms', 'CPU')"


def run(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )


def test_schemas_are_declared_only_where_the_compiled_part_does_not_load() -> None:
    done = run(
        "import torch\n" + COMPAT + "import torchvision\n"
        f"print(bool(compat._declared), {MISSING})\n"
        "x = torch.zeros(3, 9, 9, dtype=torch.uint8)\n"
        "print(compat.v2.Resize(4)(x).shape == (3, 4, 4))\n"
        "print(compat.models.mobilenet_v2(width_mult=0.25)(torch.zeros(2, 3, 32, 32)).shape[1])\n"
        "print(hasattr(compat.datasets, 'ImageFolder'))\n"
    )
    assert done.returncode == 0, done.stderr
    declared_and_compiled, *works = done.stdout.splitlines()
    assert declared_and_compiled in ("True False", "False True")
    assert works == ["True", "1000", "True"]
    plain = run("import torchvision")
    needed = declared_and_compiled == "True False"
    assert (plain.returncode != 0) == needed, "it is active exactly where torchvision fails alone"


def test_nothing_is_declared_over_operators_that_are_there() -> None:
    schemas = (
        "'nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor'",
        "'qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor'",
    )
    done = run(
        "import torch\n"
        "library = torch.library.Library('torchvision', 'FRAGMENT')\n"
        "if not hasattr(torch.ops.torchvision, 'nms'):\n"
        + "".join(f"    library.define({schema})\n" for schema in schemas)
        + COMPAT
        + "print(compat._declared)\n"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[]\n"
