"""Training, and weights that change between calls."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.engine.dynamo.nets import IMAGE, Net, assert_same, compiled
from torch import Tensor, nn

from lithe.engine.dynamo import MOST_CHANGES


def gradients(model: nn.Module, x: Tensor, call: Callable[[Tensor], Tensor]) -> list[Any]:
    model.zero_grad()
    x.grad = None
    call(x).square().sum().backward()
    return [x.grad, *(each.grad for each in model.parameters())]


@pytest.mark.smoke
@pytest.mark.parametrize("training", [True, False])
def test_gradients_are_those_of_pytorch(training: bool, folder: Path) -> None:
    net = Net().train(training)
    fast = compiled(net, folder)
    x = torch.randn(IMAGE, requires_grad=True)
    with pytest.warns(UserWarning, match=r"a gradient is wanted.*torch.no_grad"):
        found = gradients(net, x, fast)
    assert_same(found, gradients(net, x, net))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # once is enough
        torch._dynamo.reset()
        gradients(net, x, fast)


def test_training_steps_and_evaluations_in_turn(folder: Path) -> None:
    """As in a loop over epochs: the weights that are run are always those of now."""
    net, plain = Net(), Net()
    plain.load_state_dict(net.state_dict())
    fast = compiled(net, folder)
    data = torch.randn(4, *IMAGE)
    for _ in range(3):
        for each, call in ((net, fast), (plain, plain)):
            optimizer = torch.optim.SGD(each.parameters(), 0.05)
            each.train()
            for x in data:
                optimizer.zero_grad()
                call(x).square().sum().backward()
                optimizer.step()
            each.eval()
        with torch.no_grad():
            for x in data:
                torch.testing.assert_close(fast(x), plain(x), rtol=1e-3, atol=1e-3)


def test_statistics_are_updated_without_gradients_too(folder: Path) -> None:
    net, plain = Net().train(), Net().train()
    plain.load_state_dict(net.state_dict())
    fast = compiled(net, folder)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(3):
            x = torch.randn(IMAGE)
            assert_same(fast(x), plain(x))
    assert_same(net.state_dict(), plain.state_dict())


def test_a_module_that_switches_gradients_off_itself(folder: Path, log: Callable[[], str]) -> None:
    class Frozen(Net):
        @torch.no_grad()
        def forward(self, x: Tensor) -> Any:
            return super().forward(x)

    net = Frozen().eval()
    x = torch.randn(IMAGE)
    assert_same(compiled(net, folder)(x), net(x))
    assert "a graph has 1 parts in the engine" in log()


def test_a_trained_head_on_a_frozen_body(folder: Path) -> None:
    class Tuned(Net):
        def forward(self, x: Tensor) -> Any:
            with torch.no_grad():
                x = self.two(self.one(x))
            return self.head(x.mean((2, 3)))

    net = Tuned().eval()
    x = torch.randn(IMAGE, requires_grad=True)
    with pytest.warns(UserWarning, match="a gradient is wanted"):
        assert_same(gradients(net, x, compiled(net, folder)), gradients(net, x, net))


@pytest.mark.parametrize("how", ["in place", "load_state_dict", "data", "new parameter", "buffer"])
def test_weights_that_changed_are_noticed(how: str, folder: Path, log: Callable[[], str]) -> None:
    net, x = Net().eval(), torch.randn(IMAGE)
    fast = compiled(net, folder)
    weight = net.head.weight
    with torch.no_grad():
        assert_same(fast(x), net(x))
        before = fast(x)
        match how:
            case "in place":
                weight.mul_(2)
            case "load_state_dict":
                net.load_state_dict({k: v * 2 for k, v in net.state_dict().items()})
            case "data":
                weight.data = weight * 2
            case "new parameter":
                net.head.weight = nn.Parameter(weight * 2)
            case "buffer":
                net.get_buffer("one.1.running_mean").add_(1)
        for _ in range(3):
            assert_same(fast(x), net(x))
        assert not torch.allclose(before, fast(x))
    assert log().count("a graph has 1 parts in the engine") == 2, "packed anew"


def test_a_square_weight_that_is_turned(folder: Path) -> None:
    """The same memory and the same count of changes, and yet another weight."""
    net, x = nn.Linear(8, 8).eval(), torch.randn(2, 8)
    fast = compiled(net, folder)
    with torch.no_grad():
        for _ in range(4):
            assert_same(fast(x), net(x))
            net.weight = nn.Parameter(net.weight.t())


def test_weights_that_never_rest_are_left_to_pytorch(folder: Path, log: Callable[[], str]) -> None:
    net, x = nn.Linear(8, 8).eval(), torch.randn(2, 8)
    fast = compiled(net, folder)

    def change(weight: Tensor) -> None:
        with torch.no_grad():
            for _ in range(MOST_CHANGES + 1):
                weight.mul_(1.01)
                assert_same(fast(x), net(x))

    with pytest.warns(UserWarning, match="the weights change with every call"):
        change(net.weight)
    assert log().count("parts in the engine") == 1, "they are not packed in vain"
