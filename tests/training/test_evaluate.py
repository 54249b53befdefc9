"""How often a network is right."""

import math

import numpy as np
import pytest
import torch

from lithe.arch import architecture
from lithe.errors import LitheError
from lithe.nets.build import Network, build
from lithe.training.evaluate import Evaluation, evaluate, most_confused
from lithe.training.image_set import ArrayImages
from lithe.training.images import open_data
from lithe.training.loader import loader
from lithe.training.transforms import preprocessing

PREP = preprocessing(8, 1)


def network(classes: int) -> Network:
    torch.manual_seed(0)
    return build(
        architecture("mobilenet_v1", width=0.25, resolution=8, num_classes=classes, in_channels=1)
    )


def by_brightness(classes: int) -> Network:
    """Says class i of images of grey level 20 i, and the last one of any that is brighter."""

    class ByBrightness(Network):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            level = (x.mean((1, 2, 3)) * PREP.std[0] + PREP.mean[0]) * 255 / 20
            return -10 * (level[:, None] - torch.arange(float(classes))) ** 2

    return ByBrightness(network(classes).arch)


def greys(levels: list[int], labels: list[int]) -> ArrayImages:
    pixels = np.array(levels, np.uint8)[:, None, None].repeat(8, 1).repeat(8, 2)
    return ArrayImages("grey", pixels, tuple(labels))


@pytest.mark.smoke
def test_counts_by_hand() -> None:
    images = greys([0, 0, 20, 20, 40, 60], [0, 1, 1, 1, 0, 0])
    found = evaluate(by_brightness(5), images, PREP, classes=list("abcde"), batch_size=4)
    assert found.predicted == (0, 0, 1, 1, 2, 3)
    assert found.accuracy == 0.5
    assert found.confusion == (
        (1, 0, 1, 1, 0), (1, 2, 0, 0, 0), (0,) * 5, (0,) * 5, (0,) * 5,
    )  # fmt: skip
    a, b, c, _, e = found.rows
    assert (a.name, a.count, a.correct, a.recall, a.precision) == ("a", 3, 1, 1 / 3, 0.5)
    assert (b.count, b.correct, b.recall, b.precision) == (3, 2, 2 / 3, 1.0)
    assert (c.count, c.recall, c.precision) == (0, None, 0.0)
    assert (e.recall, e.precision) == (None, None)
    assert all(confidence > 0.99 for confidence in found.confidence)
    assert most_confused(found, 2) == (("a", "c", 1), ("a", "d", 1))
    assert len(most_confused(found, 99)) == 3


def test_figures_agree_with_a_plain_loop() -> None:
    data = open_data("digits")
    net = network(10).eval()
    found = evaluate(net, data.held_out, PREP, batch_size=100)
    ((x, labels),) = loader(data.held_out, PREP, batch_size=len(data.held_out))
    with torch.no_grad():
        logits = net(x)
    assert found.loss == pytest.approx(
        float(torch.nn.functional.cross_entropy(logits, labels)), 1e-4
    )
    assert found.predicted == tuple(logits.argmax(1).tolist())
    assert found.accuracy == int((logits.argmax(1) == labels).sum()) / len(labels)
    assert found.confidence == pytest.approx(logits.softmax(1).amax(1).tolist(), rel=1e-4)
    assert sum(map(sum, found.confusion)) == len(data.held_out)
    assert [row.name for row in found.rows] == list("0123456789")


@pytest.mark.parametrize("training", [True, False])
def test_the_network_is_left_as_it_was(training: bool) -> None:
    net = network(3).train(training)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    evaluate(net, greys([0, 255], [0, 2]), PREP)
    assert net.training is training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_labels_that_the_network_does_not_have_are_refused() -> None:
    with pytest.raises(LitheError, match="label 3, but the network has 3 outputs"):
        evaluate(network(3), greys([0], [3]), PREP)
    with pytest.raises(LitheError, match="2 class names for a network of 3 outputs"):
        evaluate(network(3), greys([0], [0]), PREP, classes=["a", "b"])
    with pytest.raises(LitheError, match="no images"):
        evaluate(network(3), greys([], []), PREP)


def test_nothing_was_confused_where_all_is_right() -> None:
    found = evaluate(by_brightness(2), greys([0, 20], [0, 1]), PREP)
    assert isinstance(found, Evaluation)
    assert most_confused(found, 5) == ()
    assert math.isfinite(found.loss)


def test_any_module_with_names_for_its_classes() -> None:
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3))
    found = evaluate(module, greys([0, 20], [0, 1]), PREP, classes=["a", "b", "c"])
    assert [row.name for row in found.rows] == ["a", "b", "c"]
    with pytest.raises(LitheError, match="Sequential does not say its classes; name them"):
        evaluate(module, greys([0], [0]), PREP)
    with pytest.raises(LitheError, match="2 class names for a network of 3 outputs"):
        evaluate(module, greys([0], [0]), PREP, classes=["a", "b"])
