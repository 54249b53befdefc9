"""Which sizes of a replacement are tried."""

import pytest
from torch import nn

from lithe.nets.conversion.rows import Kind
from lithe.run.conversion.sensitivity import sizes_for


@pytest.mark.parametrize(
    ("layer", "kind", "sizes"),
    [
        (nn.Conv2d(8, 16, 3), "separable", (1, 2, 3)),
        (nn.Conv2d(8, 2, 3), "separable", (1, 2)),
        (nn.Conv2d(8, 16, 3), "inverted-residual", (2, 4, 6)),
        (nn.Conv2d(8, 64, 3), "low-rank", (8, 16, 32)),
        (nn.Conv2d(8, 4, 1), "low-rank", (1, 2)),
        (nn.Linear(4096, 1000), "low-rank", (125, 250, 500)),
        (nn.Linear(512, 100), "low-rank", (50,)),
        (nn.Linear(768, 192), "low-rank", (64, 96)),
    ],
)
def test_sizes(layer: nn.Conv2d | nn.Linear, kind: Kind, sizes: tuple[int, ...]) -> None:
    assert sizes_for(layer, kind) == sizes
