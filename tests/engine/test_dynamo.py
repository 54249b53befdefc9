"""`torch.compile` with this engine gives what PyTorch gives, whatever it is asked."""

import logging
import os
import subprocess
import sys
import tomllib
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import lithe.engine.dynamo
from lithe.engine.dynamo import MOST_SHAPES, backend
from lithe.nets.torchvision_compat import models

ROOT = Path(__file__).parents[2]
IMAGE = (2, 3, 12, 12)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing of another test's graphs, and every warning anew."""
    monkeypatch.setattr(lithe.engine.dynamo, "_said", set())
    torch._dynamo.reset()
    torch.manual_seed(0)
    yield
    torch._dynamo.reset()


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    caplog.set_level(logging.INFO, logger="lithe.engine.dynamo")
    return lambda: "\n".join(r.getMessage() for r in caplog.records if r.name.startswith("lithe"))


def compiled(model: Any, folder: Path, **options: Any) -> Any:
    return torch.compile(
        model, backend=backend, options={"cache": str(folder), "threads": 1, **options}
    )


def block(c_in: int, c_out: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(c_in, c_out, 3, 2, 1), nn.BatchNorm2d(c_out), nn.ReLU6())


class Net(nn.Module):
    """Two convolutions, something between, and whatever form of output."""

    def __init__(
        self,
        between: Callable[[Tensor], Tensor] = lambda x: x,
        returns: Callable[[Tensor], Any] = lambda x: x,
    ) -> None:
        super().__init__()
        self.one, self.two = block(3, 16), block(16, 20)
        self.between, self.returns = between, returns
        self.head = nn.Linear(20, 5)

    def forward(self, x: Tensor) -> Any:
        x = self.two(self.between(self.one(x)))
        return self.returns(self.head(x.mean((2, 3))))


def assert_same(found: Any, expected: Any) -> None:
    """The same values within what float32 allows, in the same form, type and order."""
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    for one, other in zip(*map(torch.utils._pytree.tree_leaves, (found, expected)), strict=True):
        if isinstance(one, Tensor):
            assert one.stride() == other.stride()
            assert one.requires_grad == other.requires_grad


def check(model: nn.Module, *xs: Tensor, folder: Path, **options: Any) -> Any:
    """Compile a model for inference, and compare."""
    model.eval()
    fast = compiled(model, folder, **options)
    with torch.no_grad():
        assert_same(fast(*xs), model(*xs))
    return fast


def randomize(model: nn.Module) -> nn.Module:
    for part in model.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            nn.init.normal_(part.weight, std=(2 / part.weight[0].numel()) ** 0.5)
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.running_var, 0.5, 2)  # type: ignore[arg-type]
            nn.init.normal_(part.running_mean, std=0.2)  # type: ignore[arg-type]
    return model


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "shufflenet_v2_x0_5"])
def test_torchvisions_networks(
    name: str, mode: Callable[[], Any], folder: Path, log: Callable[[], str]
) -> None:
    model = randomize(models.get_model(name, weights=None)).eval()
    x = torch.randn(1, 3, 64, 64)
    with mode():
        found, expected = compiled(model, folder)(x), model(x)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))
    assert log() == "a graph has 1 parts in the engine"


def test_timms_networks(folder: Path, log: Callable[[], str]) -> None:
    import timm

    check(randomize(timm.create_model("mobilenetv3_small_050")), torch.randn(IMAGE), folder=folder)
    assert log() == "a graph has 1 parts in the engine"


@pytest.mark.smoke
@pytest.mark.parametrize(
    ("between", "named"),
    [
        (lambda x: x.cumsum(1), "aten.cumsum.default"),
        (lambda x: torch.fft.fft(x).real, "aten.fft_fft.default"),
        (lambda x: x.sort(dim=1).values, "aten.sort.default"),
        (lambda x: x.double().sin().float(), "aten.sin.default"),
        (lambda x: F.fold(F.unfold(x, 3, padding=1), x.shape[2:], 3, padding=1), "aten.col2im"),
        (lambda x: torch.where(x > 0.5, x, x * 0.1), "aten.where.self"),
    ],
)
def test_an_unknown_operator_runs_in_pytorch(
    between: Callable[[Tensor], Tensor], named: str, folder: Path, log: Callable[[], str]
) -> None:
    check(Net(between), torch.randn(IMAGE), folder=folder)
    assert "a graph has 2 parts in the engine" in log()
    assert named in log()
    assert "test_dynamo.py:" in log(), "the line is named"


def test_control_flow_on_values_makes_two_graphs(folder: Path, log: Callable[[], str]) -> None:
    net = Net(lambda x: x + 1 if x.sum() > 1e3 else x * 2).eval()
    fast = compiled(net, folder)
    for scale in (0, 1e4):
        x = scale * torch.randn(IMAGE).abs()
        with torch.no_grad():
            torch.testing.assert_close(fast(x), net(x), rtol=1e-4, atol=1e-3)
    assert log().count("a graph has 1 parts in the engine") >= 2


FORMS: dict[str, Callable[[Tensor], Any]] = {
    "tuple": lambda x: (x, x.sigmoid()),
    "dict": lambda x: {"logits": x, "both": [x.relu(), (x * 2, None, 3)]},
    "the same twice": lambda x: (x, x),
    "a view and its origin": lambda x: (x, x.view(-1)),
    "pieces of one tensor": lambda x: x.chunk(2, 1),
    "turned": lambda x: x.t(),
    "one and half of it": lambda x: (x[:, :2], x),
    "integers": lambda x: x.argmax(1),
    "a number": lambda x: x.mean(),
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_output(form: str, folder: Path, log: Callable[[], str]) -> None:
    check(Net(returns=FORMS[form]), torch.randn(IMAGE), folder=folder)
    assert "a graph has 1 parts in the engine" in log()


def test_outputs_share_memory_as_in_pytorch(folder: Path) -> None:
    net = Net(returns=lambda x: (x, x.view(-1))).eval()
    with torch.no_grad():
        out, flat = compiled(net, folder)(torch.randn(IMAGE))
    flat.zero_()
    assert not out.any()


def test_an_output_that_is_a_view_of_the_input(folder: Path) -> None:
    class Both(Net):
        def forward(self, x: Tensor) -> Any:
            return x.flatten(1), super().forward(x)

    x = torch.randn(IMAGE)
    check(Both(), x, folder=folder)
    with torch.no_grad():
        flat, _ = compiled(Both().eval(), folder)(x)
    flat.zero_()
    assert not x.any()


def test_an_output_that_is_the_same_every_time_is_a_new_one(folder: Path) -> None:
    class WithConstant(Net):
        def forward(self, x: Tensor) -> Any:
            return torch.zeros(3), self.head.bias * 2, super().forward(x)

    fast = check(WithConstant(), torch.randn(IMAGE), folder=folder)
    with torch.no_grad():
        first = fast(torch.randn(IMAGE))[:2]
        for each in first:
            each.fill_(9)
        assert_same(fast(torch.randn(IMAGE))[:2], fast._orig_mod(torch.randn(IMAGE))[:2])


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


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions(dtype: torch.dtype, folder: Path, log: Callable[[], str]) -> None:
    net, x = Net().to(dtype).eval(), torch.randn(IMAGE, dtype=dtype)
    with torch.no_grad():
        found, expected = compiled(net, folder)(x), net(x)
    assert found.dtype == dtype
    tolerance = 16 * torch.finfo(dtype).eps  # float64 stays in PyTorch
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)
    assert ("1 parts in the engine" in log()) == (dtype != torch.float64)


@pytest.mark.parametrize("returns", ["images", "logits"])
def test_channels_last(returns: str, folder: Path, log: Callable[[], str]) -> None:
    net: nn.Module = Net() if returns == "logits" else nn.Sequential(block(3, 16), block(16, 8))
    net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    check(net, torch.randn(IMAGE).to(memory_format=torch.channels_last), folder=folder)
    check(net, torch.randn(IMAGE), folder=folder)
    assert log().count("a graph has 1 parts in the engine") == 2


def test_a_view_that_only_channels_last_allows(folder: Path) -> None:
    def between(x: Tensor) -> Tensor:
        rows = x.permute(0, 2, 3, 1).view(2, 36, 16).cumsum(1)
        return rows.view(2, 6, 6, 16).permute(0, 3, 1, 2)

    net = Net(between).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    check(net, torch.randn(IMAGE).to(memory_format=torch.channels_last), folder=folder)


@pytest.mark.parametrize("dynamic", [None, True])
def test_shapes_that_change(dynamic: bool | None, folder: Path) -> None:
    net = Net().eval()
    fast = torch.compile(net, backend=backend, dynamic=dynamic, options={"cache": str(folder)})
    with torch.no_grad():
        for batch, size in ((2, 12), (3, 12), (1, 12), (3, 17), (5, 17), (2, 12)):
            x = torch.randn(batch, 3, size, size)
            assert_same(fast(x), net(x))


def test_more_shapes_than_are_worth_it(folder: Path) -> None:
    net = Net().eval()
    fast = torch.compile(net, backend=backend, dynamic=True, options={"cache": str(folder)})
    xs = [torch.randn(1, 3, size, size) for size in range(8, 8 + MOST_SHAPES + 3)]
    with torch.no_grad():
        with pytest.warns(UserWarning, match="8 different shapes"):
            found = [fast(x) for x in xs]
        assert_same(found, [net(x) for x in xs])


def test_an_empty_batch(folder: Path) -> None:
    check(Net(), torch.randn(0, 3, 12, 12), folder=folder)


def test_no_input_at_all(folder: Path) -> None:
    class Alone(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = Net()

        def forward(self) -> Any:
            return self.net(torch.ones(IMAGE))

    check(Alone(), folder=folder)


def test_a_function_whose_weights_are_inputs(folder: Path) -> None:
    fast = compiled(lambda x, w: F.conv2d(x, w).relu(), folder)
    with torch.no_grad():
        for _ in range(2):
            x, w = torch.randn(IMAGE), torch.randn(4, 3, 3, 3)
            assert_same(fast(x, w), F.conv2d(x, w).relu())


def test_what_writes_to_its_input_writes(folder: Path) -> None:
    class Writes(Net):
        def forward(self, x: Tensor) -> Any:
            x.mul_(2)
            return super().forward(x)

    net = Writes().eval()
    x = torch.randn(IMAGE)
    y = x.clone()
    fast = compiled(net, folder)
    with torch.no_grad():
        with pytest.warns(UserWarning, match="it writes to its inputs"):
            found = fast(x)
        assert_same((found, x), (net(y), y))


def test_a_tensor_filled_piece_by_piece(folder: Path) -> None:
    def between(x: Tensor) -> Tensor:
        out = torch.zeros_like(x)
        out[:, ::2] = x[:, 1::2]
        out[:, 1] += 1
        return out

    fast = check(Net(between), torch.randn(IMAGE), folder=folder)
    with torch.no_grad():
        x = torch.randn(IMAGE)
        assert_same(fast(x), fast._orig_mod(x))


def test_chance_stays_chance(folder: Path) -> None:
    fast = compiled(Net(lambda x: F.dropout(x, 0.5, True) + torch.rand(1)).eval(), folder)
    x = torch.randn(IMAGE)
    with torch.no_grad():
        assert not torch.equal(fast(x), fast(x))


@pytest.mark.parametrize("where", ["outside", "inside"])
def test_autocast(where: str, folder: Path) -> None:
    def between(x: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=where == "inside"):
            return F.conv2d(x, torch.ones(16, 16, 1, 1)).float() if where == "inside" else x

    net = Net(between).eval()
    x = torch.randn(IMAGE)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=where == "outside"):
        found, expected = compiled(net, folder)(x), net(x)
    assert found.dtype == expected.dtype
    torch.testing.assert_close(found, expected, rtol=0.1, atol=0.1)


def test_weights_made_in_inference_mode(folder: Path) -> None:
    with torch.inference_mode():
        net = Net().eval()
        fast, x = compiled(net, folder), torch.randn(IMAGE)
        with pytest.warns(UserWarning, match="cannot be watched"):
            assert_same(fast(x), net(x))
        net.head.weight.mul_(2)
        assert_same(fast(x), net(x))


def test_several_threads(folder: Path) -> None:
    net = Net(lambda x: x.cumsum(1)).eval()
    fast = compiled(net, folder, threads=2)
    xs = torch.randn(24, *IMAGE)

    def run(x: Tensor) -> Tensor:
        with torch.no_grad():
            found: Tensor = fast(x)
            return found

    with ThreadPoolExecutor(4) as pool:
        for x, found in zip(xs, pool.map(run, xs), strict=True):
            with torch.no_grad():
                assert_same(found, net(x))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"thread": 2}, "no option 'thread' of backend lithe; it has threads, target, cache"),
        ({"threads": 0}, "threads=0"),
        ({"target": "cray"}, "no target 'cray'"),
    ],
)
def test_options_that_there_are_not(options: dict[str, Any], message: str) -> None:
    fast = torch.compile(Net().eval(), backend=backend, options=options)
    with torch.no_grad(), pytest.raises(Exception, match=message):
        fast(torch.randn(IMAGE))


def test_torch_finds_the_backend_by_its_name(tmp_path: Path) -> None:
    """As it is where lithe is installed: through the entry point that pyproject.toml declares."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    points = project["entry-points"]["torch_dynamo_backends"]
    info = tmp_path / "lithe-0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: lithe\nVersion: 0\n")
    lines = [f"{name} = {home}" for name, home in points.items()]
    (info / "entry_points.txt").write_text("\n".join(["[torch_dynamo_backends]", *lines, ""]))
    code = (
        "import sys, torch\n"
        "from torch import nn\n"
        "assert 'lithe' in torch._dynamo.list_backends()\n"
        "assert 'lithe' not in sys.modules\n"
        "net, x = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()), torch.randn(1, 3, 8, 8)\n"
        "fast = torch.compile(net, backend='lithe', options={'threads': 2})\n"
        "with torch.no_grad():\n"
        "    torch.testing.assert_close(fast(x), net(x))\n"
        "assert 'lithe.engine.network' in sys.modules\n"
    )
    env = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT / "src")]),
        "XDG_CACHE_HOME": str(tmp_path),
    }
    subprocess.run([sys.executable, "-c", code], check=True, env=env)
