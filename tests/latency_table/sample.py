"""Networks with times that nobody measured, and a plan made by lowering the whole network."""

from collections.abc import Sequence

from msgspec.structs import replace

from lithe.arch import Architecture, Conv, InvertedResidual
from lithe.engine.programs import programs_of
from lithe.engine.target import instruction_set
from lithe.graph import from_arch, zero_model
from lithe.graph.passes import simplify
from lithe.latency_table.store import network_name
from lithe.latency_table.values import Context, NetworkTimes, PlannedStep, StepTime

HERE = Context("Some CPU", "avx512", 1, "0123456789abcdef")
TINY = Architecture(
    name="tiny",
    rows=(Conv(k=3, s=2, c=8), InvertedResidual(t=2, c=8)),
    resolution=8,
    num_classes=2,
)


def network(
    number: int, steps: int = 3, reference_s: float = 1e-4, disturbed: bool = False
) -> NetworkTimes:
    """Network of that number; its times are different from those of all others."""
    arch = replace(TINY, num_classes=number + 1)
    rows = tuple(
        StepTime(
            PlannedStep(f"f32_pw_{at}", 4 + at, (0.1 * at, float(number))),
            network_name(arch),
            1e-6 * (number + 1) + 1e-9 * at,
        )
        for at in range(steps)
    )
    return NetworkTimes(arch, rows, 1e-5 * (number + 1), reference_s, disturbed, "2026-01-02")


def planned(archs: Sequence[Architecture], threads: int = 1) -> tuple[tuple[PlannedStep, ...], ...]:
    """Every network's steps, found the long way, with a feature that is the step's MACs."""
    isa = instruction_set()
    return tuple(
        tuple(
            PlannedStep(step.kernel.name, step.units, (float(step.macs),))
            for step in programs_of(simplify(zero_model(from_arch(arch))), isa, threads).whole.steps
        )
        for arch in archs
    )
