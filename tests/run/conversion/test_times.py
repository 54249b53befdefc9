"""What is timed of layers by themselves; how long they take is not looked at."""

import pytest
import torch
from tests.run.conversion.networks import small

from lithe.profiling import turns
from lithe.run.conversion import times


def test_each_module_has_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "TURN_S", 1e-3)
    monkeypatch.setattr(times, "LONGEST_S", 1e-3)
    network = small().eval()
    found = times.times_of([network[3:4], network[6:7]], (1, 8, 8, 8), threads=1)
    assert len(found) == 2
    assert min(found) > 0
    assert times.macs_of(network[6:7], (1, 8, 8, 8)) == 16 * 72 * 16


def test_the_shapes_that_layers_are_given() -> None:
    network = small().eval()
    x = torch.zeros(1, 3, 8, 8)
    assert times.inputs_of(network, x, ["6", "8"]) == {"6": (1, 8, 8, 8), "8": (1, 16, 4, 4)}
    assert not network[6]._forward_pre_hooks
