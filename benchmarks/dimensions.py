"""Compute, memory and latency of a few networks, and how well a profile keeps its promises.

Each profile is made in a fresh process, one after the other, at one thread and at two. Times
of commands and of counting are those of fresh processes too, the median of `TIMES`.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.conditions import write

ROOT = Path(__file__).parent.parent
NETWORKS = (
    "conv_mobilenet",
    "mobilenet_v1",
    "mobilenet_v2",
    "torchvision:resnet18",
    "timm:mobilenetv3_large_100",
    "timm:efficientnet_b0",
)
THREADS = (1, 2)
# Counted in a fresh process, construction excluded: MobileNetV2's size, and the largest.
COUNTED = ("torchvision:mobilenet_v2", "timm:mobilenetv2_100", "timm:tf_efficientnet_l2")
TIMES = 3

_COUNT = """
import json, sys, time
from lithe.nets.find import find
from lithe.profiling.static import static_profile
found = find(sys.argv[1])
start = time.perf_counter()
profile = static_profile(found.model, found.input_shape)
print(json.dumps({"seconds": time.perf_counter() - start, "macs": profile.macs}))
"""
_BARE = "import time; start = time.perf_counter(); import lithe; print(time.perf_counter() - start)"


def run(*arguments: str) -> str:
    """What a fresh Python prints."""
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout


def profiled(network: str, threads: int) -> dict[str, Any]:
    """One network, measured as `lithe profile` does."""
    values = json.loads(run("-m", "lithe", "profile", network, "--threads", str(threads), "--json"))
    keep = ("totals", "memory", "latencies", "resident", "energy", "notes")
    found = {name: values[name] for name in keep}
    for each in found["latencies"]:
        del each["steps"]
    for each in found["memory"]:
        for name in ("steps", "buffers", "scratch_bytes", "live_bytes"):
            each.pop(name, None)
    return {"network": network, "threads": threads, **found}


def counted(network: str) -> dict[str, Any]:
    """Seconds of a static profile with everything that it imports."""
    found = [json.loads(run("-c", _COUNT, network)) for _ in range(TIMES)]
    seconds = median(each["seconds"] for each in found)
    return {"counted": network, "macs": found[0]["macs"], "seconds": seconds}


def started() -> list[dict[str, Any]]:
    """Seconds of `import lithe`, and of `lithe --help` from the shell's point of view."""
    imports = median(float(run("-c", _BARE)) for _ in range(TIMES))
    helps = []
    for _ in range(TIMES):
        start = time.perf_counter()
        run("-m", "lithe", "--help")
        helps.append(time.perf_counter() - start)
    return [
        {"command": "import lithe", "seconds": imports},
        {"command": "lithe --help", "seconds": median(helps)},
    ]


def main() -> None:
    """Measure everything and replace the result file."""
    rows = [profiled(network, threads) for network in NETWORKS for threads in THREADS]
    write("dimensions", [*rows, *map(counted, COUNTED), *started()], line_each=True)


if __name__ == "__main__":
    main()
