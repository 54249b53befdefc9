"""`lithe.compile(..., fallback=True)`: what the engine has no kernel for runs in PyTorch."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.models import make_network
from torch import Tensor, nn

import lithe
from lithe.engine.network import CompiledNetwork
from lithe.engine.partition import cut
from lithe.engine.partly import PartlyCompiled
from lithe.errors import LitheError
from lithe.graph.capture import exported
from lithe.graph.model import Model
from lithe.graph.varying import changed_inputs, varying_calls

IMAGE = (2, 3, 12, 12)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


class Net(nn.Module):
    """Convolutions with something between them and something at the end."""

    def __init__(
        self,
        between: Callable[[Tensor], Tensor] = lambda x: x,
        returns: Callable[[Tensor], Any] = lambda x: x,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU6())
        self.between, self.returns = Between(between), returns
        self.tail = nn.Sequential(nn.Conv2d(16, 20, 1), nn.Hardswish())
        self.head = nn.Linear(20, 5)

    def forward(self, x: Tensor) -> Any:
        x = self.tail(self.between(self.stem(x)))
        return self.returns(self.head(x.mean((2, 3))))


class Between(nn.Module):
    def __init__(self, does: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.does = does

    def forward(self, x: Tensor) -> Tensor:
        return self.does(x)


def compiled(model: nn.Module, *xs: Tensor, folder: Path) -> PartlyCompiled:
    with pytest.warns(UserWarning, match="PyTorch runs"):
        fast = lithe.compile(model, xs, fallback=True, cache=folder)
    assert isinstance(fast, PartlyCompiled)
    return fast


def check(model: nn.Module, *xs: Tensor, folder: Path) -> PartlyCompiled:
    fast = compiled(model.eval(), *xs, folder=folder)
    with torch.no_grad():
        torch.testing.assert_close(fast(*xs), model(*xs), rtol=1e-4, atol=1e-4)
    return fast


@pytest.mark.smoke
def test_the_rest_runs_in_pytorch_and_is_named(folder: Path) -> None:
    net = Net(lambda x: x.cumsum(1)).eval()
    where = r"aten\.cumsum\.default \(module between, test_partition\.py:\d+\)"
    with pytest.raises(LitheError, match=f"{where}; fallback=True"):
        lithe.compile(net, IMAGE, cache=folder)
    with pytest.warns(UserWarning, match=f"^Net: PyTorch runs {where}$"):
        fast = lithe.compile(net, IMAGE, fallback=True, cache=folder)
    assert isinstance(fast, PartlyCompiled)
    x = torch.randn(IMAGE)
    with torch.no_grad():
        torch.testing.assert_close(fast(x), net(x), rtol=1e-4, atol=1e-4)
    (call,) = fast.fallback
    assert (call.operator, call.path) == ("aten.cumsum.default", "between")
    assert call.reason == "no kernel"
    assert len(fast.networks) == 2
    kernels = [step.kernel for step in fast.schedule.steps]
    place = kernels.index("PyTorch aten.cumsum.default")
    assert 0 < place < len(kernels) - 1, "between the steps of the engine"
    assert "PyTorch runs aten.cumsum.default" in str(fast.schedule)
    assert (fast.input_shapes, fast.output_shapes) == ((IMAGE,), ((2, 5),))
    assert fast.peak_activation_bytes > 0


def test_nothing_is_cut_where_all_is_known(folder: Path) -> None:
    fast = lithe.compile(Net().eval(), IMAGE, fallback=True, cache=folder)
    assert isinstance(fast, CompiledNetwork)
    assert fast.fallback == ()
    ours = lithe.compile(make_network(["a", "b"]), fallback=True, cache=folder)
    assert isinstance(ours, CompiledNetwork)


@pytest.mark.parametrize(
    "between",
    [
        lambda x: torch.fft.fft(x).real,
        lambda x: x.double().cumsum(1).float(),
        lambda x: x.topk(16, dim=1)[0],
        lambda x: x[:, torch.arange(15, -1, -1)],
        lambda x: torch.stack([x, x]).amax(0),
        lambda x: sum((piece.cumsum(1) for piece in x.chunk(4, 1)[1:]), x[:, :4]).repeat(
            1, 4, 1, 1
        ),
        lambda x: F.layer_norm(x, x.shape[1:]),
        lambda x: F.conv2d(x, x.mean((0, 2, 3)).view(1, 16, 1, 1).repeat(16, 1, 1, 1)),
        lambda x: F.conv1d(x.flatten(2), torch.ones(16, 16, 3), padding=1).view_as(x),
    ],
)
def test_operators_between(between: Callable[[Tensor], Tensor], folder: Path) -> None:
    fast = check(Net(between), torch.randn(IMAGE), folder=folder)
    assert len(fast.networks) == 2
    assert fast.fallback


def test_branches_that_meet_again(folder: Path) -> None:
    """The branch through PyTorch starts and ends inside the part that goes on without it."""

    class Branches(Net):
        def forward(self, x: Tensor) -> Any:
            x = self.stem(x)
            y = x.sigmoid()
            z = self.tail(x) + self.tail(x.cumsum(1)) * self.tail(y)
            return z, self.head(z.mean((2, 3))), y

    check(Branches(), torch.randn(IMAGE), folder=folder)


def test_small_parts_stay_in_pytorch(folder: Path) -> None:
    def between(x: Tensor) -> Tensor:
        return (x.cumsum(1) * 2 + 1).relu().cumsum(2)

    fast = check(Net(between), torch.randn(IMAGE), folder=folder)
    assert len(fast.networks) == 2
    reasons = {call.operator: call.reason for call in fast.fallback}
    assert reasons["aten.relu.default"] == "less than a convolution or a linear layer"
    assert reasons["aten.cumsum.default"] == "no kernel"


def test_a_module_without_a_part_for_the_engine(folder: Path) -> None:
    net = Between(lambda x: x.cumsum(1).relu())
    with pytest.warns(UserWarning, match=r"^Between: PyTorch runs all of it, aten.cumsum"):
        fast = lithe.compile(net, IMAGE, fallback=True, cache=folder)
    x = torch.randn(IMAGE)
    torch.testing.assert_close(fast(x), net(x))


@pytest.mark.parametrize(
    "returns",
    [
        lambda x: {"logits": x.cumsum(1), "more": [x.relu(), (x, None, 3)]},
        lambda x: (x.cumsum(1), torch.ones(2), x.argmax(1)),
        lambda x: x.cumsum(1).chunk(5, 1),
    ],
)
def test_forms_of_output(returns: Callable[[Tensor], Any], folder: Path) -> None:
    check(Net(returns=returns), torch.randn(IMAGE), folder=folder)


def test_several_inputs_one_of_them_integers(folder: Path) -> None:
    class Two(Net):
        def forward(self, x: Tensor, places: Tensor | None = None) -> Any:
            return super().forward(x)[places]

    fast = check(Two(), torch.randn(IMAGE), torch.tensor([1, 0, 1]), folder=folder)
    x = torch.randn(IMAGE)
    with pytest.raises(LitheError, match="takes 2 inputs and was given 1"):
        fast(x)
    with pytest.raises(LitheError, match=r"torch.int64 and was given torch.float32"):
        fast(x, torch.ones(3))


def test_numpy_and_other_forms_of_input(folder: Path) -> None:
    net = Net(lambda x: x.cumsum(1), lambda x: {"logits": x}).eval()
    fast = compiled(net, torch.zeros(IMAGE), folder=folder)
    x = torch.randn(IMAGE)
    with torch.no_grad():
        expected = net(x)["logits"]
    found = fast(x.numpy())["logits"]
    assert isinstance(found, np.ndarray)
    forms = (x.double(), x.to(memory_format=torch.channels_last), x.flip(3).flip(3))
    for value in (torch.from_numpy(found), *(fast(form)["logits"] for form in forms)):
        torch.testing.assert_close(value, expected, rtol=1e-4, atol=1e-4)
    assert not fast(x.clone().requires_grad_())["logits"].requires_grad


def test_other_shapes_are_refused_with_both(folder: Path) -> None:
    fast = compiled(Net(lambda x: x.cumsum(1)).eval(), torch.zeros(IMAGE), folder=folder)
    with pytest.raises(LitheError, match=r"\(2, 3, 12, 12\) and was given \(1, 3, 12, 12\)"):
        fast(torch.zeros(1, *IMAGE[1:]))
    with pytest.raises(LitheError, match="not list"):
        fast([1.0])


def test_later_changes_to_the_module_have_no_effect(folder: Path) -> None:
    net = Net(lambda x: F.layer_norm(x, (16, 6, 6), net.get_parameter("scale")))
    net.register_parameter("scale", nn.Parameter(torch.ones(16, 6, 6)))
    x = torch.randn(IMAGE)
    fast = compiled(net.eval(), x, folder=folder)
    before = fast(x)
    with torch.no_grad():
        for weight in net.parameters():
            weight.zero_()
    torch.testing.assert_close(fast(x), before, rtol=0, atol=0)


def test_weights_of_compiled_parts_are_held_once(folder: Path) -> None:
    net = Net(lambda x: x.cumsum(1)).eval()
    parts = cut(varying_calls(exported(net, IMAGE)), lambda m: _network(m, folder))
    assert list(parts.run.buffers()) == list(parts.run.parameters()) == []


def _network(model: Model, folder: Path) -> CompiledNetwork:
    network = lithe.compile(model, cache=folder)
    assert isinstance(network, CompiledNetwork)
    return network


def test_a_part_that_cannot_be_built_runs_in_pytorch(folder: Path) -> None:
    """A kernel may refuse one configuration of an operator that the engine knows."""
    net = Net(lambda x: x.cumsum(1)).eval()

    def build(model: Model) -> CompiledNetwork:
        if len(model.graph.shapes[model.graph.inputs[0]]) == 4 and "head.weight" not in str(model):
            raise LitheError("not today")
        return _network(model, folder)

    parts = cut(varying_calls(exported(net, IMAGE)), build)
    assert {call.reason for call in parts.in_pytorch} == {"no kernel", "not today"}
    x = torch.randn(IMAGE)
    with torch.no_grad():
        (found,) = parts.run(x)
        torch.testing.assert_close(found, net(x), rtol=1e-4, atol=1e-4)


def test_half_precision(folder: Path) -> None:
    net = Net(lambda x: x.cumsum(1)).half().eval()
    x = torch.randn(IMAGE).half()
    fast = compiled(net, x, folder=folder)
    found = fast(x)
    assert found.dtype == torch.float16
    with torch.no_grad():
        torch.testing.assert_close(found, net(x), rtol=0.02, atol=0.02)


def test_what_changes_with_every_run_is_refused(folder: Path) -> None:
    class Counts(Net):
        count: Tensor

        def forward(self, x: Tensor) -> Any:
            self.count += 1
            return super().forward(x.cumsum(1)) * self.count

    net = Counts()
    net.register_buffer("count", torch.zeros(()))
    with pytest.raises(LitheError, match="Counts changes count in every run"):
        lithe.compile(net, IMAGE, fallback=True, cache=folder)


def test_inputs_that_are_written_to_are_known() -> None:
    class Writes(nn.Module):
        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            x[:, 0].mul_(2)
            return F.relu_(y + 1) + x

    assert changed_inputs(exported(Writes(), (torch.zeros(IMAGE), torch.zeros(IMAGE)))) == ("x",)


def test_a_change_under_another_name(folder: Path) -> None:
    def between(x: Tensor) -> Tensor:
        out = torch.zeros(2, 16, 6, 6)
        out[:, ::2] = x[:, 1::2]
        out[:, 1].copy_(x[:, 2])
        return F.relu_(out - 0.5).cumsum(1)

    x = torch.randn(IMAGE)
    fast = check(Net(between), x, folder=folder)
    torch.testing.assert_close(fast(x), fast(x), rtol=0, atol=0)


def test_chance_stays_chance(folder: Path) -> None:
    fast = compiled(Net(lambda x: x * torch.rand(6, 6)).eval(), torch.zeros(IMAGE), folder=folder)
    x = torch.randn(IMAGE)
    assert not torch.equal(fast(x), fast(x))


def test_several_threads(folder: Path) -> None:
    net = Net(lambda x: x.cumsum(1)).eval()
    fast = compiled(net, torch.zeros(IMAGE), folder=folder)
    xs = torch.randn(24, *IMAGE)
    with ThreadPoolExecutor(4) as pool, torch.no_grad():
        for x, found in zip(xs, pool.map(fast, xs), strict=True):
            torch.testing.assert_close(found, net(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("source", ["module", "file"])
def test_what_no_fallback_helps(source: str, folder: Path, tmp_path: Path) -> None:
    if source == "module":
        net = Between(lambda x: x if x.sum() > 0 else -x)
        with pytest.raises(LitheError, match="depends on the values in the input"):
            lithe.compile(net, IMAGE, fallback=True, cache=folder)
    else:
        with pytest.raises(LitheError):
            lithe.compile(tmp_path / "none.safetensors", IMAGE, fallback=True, cache=folder)
