"""A full latency table whose times nobody measured, so that a run need not measure for minutes.

A step takes what its roofline says, times a factor: about as long as here with 1, and a table
that promises too much with less.
"""

from itertools import islice
from pathlib import Path

import pytest

from lithe.engine.target import instruction_set
from lithe.latency_table.context import context_of
from lithe.latency_table.donors import donors
from lithe.latency_table.features import base_seconds
from lithe.latency_table.machine import NETWORKS
from lithe.latency_table.plan import Planner
from lithe.latency_table.store import FILE, network_name, open_table
from lithe.latency_table.values import NetworkTimes, StepTime

REFERENCE_S = 1.0  # so long that no machine that runs the tests is a slow one


def made_up_table(
    monkeypatch: pytest.MonkeyPatch, folder: Path, factor: float = 1.0, threads: int = 1
) -> None:
    """Let `folder` be the cache, with a table for this processor in it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    isa = instruction_set(None)
    planner, context = Planner(isa, threads), context_of(isa, threads)
    archs = list(islice(donors(1, resolutions=(8, 12, 16), widths=(0.1, 0.25)), NETWORKS))
    table = open_table(folder / "lithe" / FILE)
    for arch, plan in zip(archs, planner.steps(archs), strict=True):
        steps = tuple(
            StepTime(step, network_name(arch), factor * base_seconds(step.features))
            for step in plan
        )
        whole_s = 1.05 * sum(step.seconds for step in steps)
        times = NetworkTimes(arch, steps, whole_s, REFERENCE_S, date="2026-01-01")
        table.add(context, times)
