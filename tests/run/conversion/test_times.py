"""What is timed of layers by themselves; how long they take is not looked at."""

from typing import ClassVar

import pytest
import torch
from tests.run.conversion.networks import small
from torch import Tensor, nn

from lithe.profiling import turns
from lithe.run.conversion import times


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "TURN_S", 1e-3)
    monkeypatch.setattr(times, "LONGEST_S", 1e-3)


def test_each_module_has_a_time(quick: None) -> None:
    network = small().eval()
    found = times.times_of([network[3:4], network[6:7]], (1, 8, 8, 8), threads=1)
    assert len(found) == 2
    assert min(found) > 0
    assert times.macs_of(network[6:7], (1, 8, 8, 8)) == 16 * 72 * 16


class Noting(nn.Module):
    """Notes how its inputs lie in memory; copies of it note in the same place."""

    layouts: ClassVar[set[bool]] = set()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.layouts.add(x.is_contiguous(memory_format=torch.channels_last))
        assert not torch.is_grad_enabled()
        return x


def test_eager_times_are_in_the_layout_that_is_quickest(quick: None) -> None:
    found = times.eager_times_of([small()[3:4], Noting()], (1, 8, 8, 8))
    assert len(found) == 2
    assert min(found) > 0
    assert Noting.layouts == {True}


@pytest.mark.parametrize("shape", [(1, 16), (1, 5, 16)])
def test_a_linear_layer_has_an_eager_time_over_any_axes(
    shape: tuple[int, ...], quick: None
) -> None:
    assert len(times.eager_times_of([nn.Linear(16, 3)], shape)) == 1


def test_the_shapes_that_layers_are_given() -> None:
    network = small().eval()
    x = torch.zeros(1, 3, 8, 8)
    assert times.inputs_of(network, x, ["6", "8"]) == {"6": (1, 8, 8, 8), "8": (1, 16, 4, 4)}
    assert not network[6]._forward_pre_hooks


def test_an_input_that_is_given_by_name_is_seen() -> None:
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 1)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.conv(input=x)
            return y

    assert times.inputs_of(Named(), torch.zeros(1, 3, 5, 6), ["conv"]) == {"conv": (1, 3, 5, 6)}
