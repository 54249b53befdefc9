"""Rows of a front as a real one would leave them."""

from collections.abc import Sequence
from dataclasses import replace

from tests.report.sample import sample

from lithe.arch import architecture
from lithe.profiling import static_profile
from lithe.report.front_rows import AskedRow, FrontRow, FrontRows
from lithe.report.rows import NetworkRow

# family, width, resolution, accuracy; the sixth gives less than the fifth and takes more.
POINTS = (
    ("mobilenet_v1", 0.1, 16, 0.772),
    ("mobilenet_v2", 0.1, 32, 0.801),
    ("mobilenet_v1", 0.25, 24, 0.846),
    ("mobilenet_v2", 0.35, 32, 0.862),
    ("mobilenet_v2", 0.5, 48, 0.911),
    ("mobilenet_v1", 0.85, 48, 0.903),
    ("mobilenet_v1", 1.0, 48, 0.921),
)
DOMINATED = 5


def front_sample(names: Sequence[str] = (), latency: bool = True) -> FrontRows:
    """A front up to 10 ms on small photos; `names` replace the networks' own."""
    rows = []
    for index, (family, width, resolution, accuracy) in enumerate(POINTS):
        arch = architecture(family, width=width, resolution=resolution, num_classes=10)
        counted = static_profile(arch)
        seconds = 2e-4 + counted.macs / 5e10
        network = NetworkRow(
            names[index] if names else counted.name,
            counted.macs,
            counted.params,
            counted.peak_activation_bytes,
        )
        if latency:
            network = replace(
                network,
                latency_s=seconds,
                latency_p20_s=0.98 * seconds,
                latency_p80_s=1.03 * seconds,
                runtime="lithe",
                threads=1,
            )
        file = f"networks/{counted.name}.safetensors"
        rows.append(
            FrontRow(
                network=network,
                family=family,
                accuracy=accuracy,
                predicted_s=0.97 * seconds if latency else None,
                dominated=index == DOMINATED,
                file=file,
                predict=f"lithe predict runs/front/{file} IMAGE",
                fit=f"lithe fit photos --max-latency {1e3 * seconds:.2g}ms --front runs/front "
                "--out runs/photos",
            )
        )
    return FrontRows(
        title="photos: a front up to 10 ms",
        command="lithe pareto photos --max-latency 10ms --out runs/front",
        held_out=360,
        points=tuple(rows),
        limits=(AskedRow("max_latency_s", "seconds", 10e-3),),
        tried=sample().candidates,
        facts=(("Machine", "a processor with 2 cores, Linux, 1 thread"), ("Seed", "0")),
    )
