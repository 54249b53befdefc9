"""The clock of a machine changes; the reference network tells by how much.

One small network, always the same, runs beside everything that is measured. What is kept of a
step is its time in relation to the reference's of the same moment; in seconds it is given for
the moment in which the reference was at its best-known time.
"""

from collections.abc import Sequence
from dataclasses import replace

from lithe.arch import Architecture, Conv, InvertedResidual
from lithe.latency_table.values import NetworkTimes

# A narrow MobileNetV2 without its last stages: some tenths of a millisecond, all in the caches.
REFERENCE = Architecture(
    name="reference",
    rows=(
        Conv(k=3, s=2, c=32),  # 96 -> 48
        InvertedResidual(t=1, c=16),  # 48
        InvertedResidual(t=6, c=24, n=2, s=2),  # 48 -> 24
        InvertedResidual(t=6, c=32, n=3, s=2),  # 24 -> 12
        InvertedResidual(t=6, c=64, n=4, s=2),  # 12 -> 6
    ),
    width=0.5,
    resolution=96,
    num_classes=10,
)
# Times the best-known time: from here on a moment is no longer calm. Up to a tenth more, sums of
# steps kept their relation to the reference within 0.5 % in the middle; from a quarter on they
# were 8 % off, since what slows a machine down does not slow every step alike.
DISTURBED = 1.10


def best_known(references: Sequence[float]) -> float:
    """Seconds that the reference network takes on a machine that is left alone.

    The lower quartile of its times beside the networks of a table: the least of them may
    be a moment that does not come back.
    """
    return sorted(references)[len(references) // 4]


def as_if(times: NetworkTimes, reference_s: float) -> NetworkTimes:
    """Times as they would be in a moment in which the reference takes `reference_s`."""
    factor = reference_s / times.reference_s
    steps = tuple(replace(step, seconds=step.seconds * factor) for step in times.steps)
    return replace(times, steps=steps, whole_s=times.whole_s * factor, reference_s=reference_s)


def comparable(networks: Sequence[NetworkTimes]) -> tuple[NetworkTimes, ...]:
    """All networks as if measured in a moment in which the reference took its best-known time.

    That time may not have been known yet when a network was measured: one that was measured
    in what turns out to have been a slow moment counts as disturbed.
    """
    if not networks:
        return ()
    reference_s = best_known([times.reference_s for times in networks])
    return tuple(
        replace(
            as_if(times, reference_s),
            disturbed=times.disturbed or times.reference_s > DISTURBED * reference_s,
        )
        for times in networks
    )
