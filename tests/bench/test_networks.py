"""Random weights under which equal logits mean something."""

import copy

import pytest
import torch

from lithe.bench.cells import NETWORKS, find_network
from lithe.bench.networks import build_network, enliven, images
from lithe.errors import LitheError


@pytest.mark.parametrize("name", NETWORKS)
def test_different_images_have_clearly_different_logits(name: str) -> None:
    model = build_network(find_network(name), 96)
    enliven(model, 96)
    x = images(4, 96)
    with torch.inference_mode():
        logits = model(x)
        again = copy.deepcopy(model).double()(x.double())
    assert not any(module.training for module in model.modules())
    assert logits.shape == (4, 1000)
    assert torch.isfinite(logits).all()
    largest = logits.abs().max()
    assert 0.01 < largest < 1000
    # What tells images apart is far above the tolerance of every engine's logits.
    assert (logits[0] - logits[1]).abs().max() > 0.02 * largest
    assert (logits.double() - again).abs().max() < 5e-6 * largest


def test_weights_and_images_are_the_same_every_time() -> None:
    first, second = (build_network(find_network("shallow_mobilenet"), 32) for _ in range(2))
    for model in (first, second):
        enliven(model, 32)
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name
    assert torch.equal(images(2, 32), images(8, 32)[:2])


@pytest.mark.parametrize("name", ["torchvision:no_such_net", "timm:no_such_net"])
def test_a_network_that_its_library_does_not_know(name: str) -> None:
    with pytest.raises(LitheError, match="no_such_net"):
        build_network(find_network(name), 32)
