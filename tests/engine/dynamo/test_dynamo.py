"""`torch.compile` with this engine gives what PyTorch gives, whatever it is asked."""

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from tests.engine.dynamo.nets import IMAGE, Net, assert_same, block, check, compiled, randomize
from torch import Tensor, nn

from lithe.engine.dynamo import MOST_SHAPES, backend
from lithe.nets.torchvision_compat import models

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "shufflenet_v2_x0_5"])
def test_torchvisions_networks(name: str, folder: Path, log: Callable[[], str]) -> None:
    model = randomize(models.get_model(name, weights=None)).eval()
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        found, expected = compiled(model, folder)(x), model(x)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))
    assert log() == "a graph has 1 parts in the engine"


def test_inference_mode(folder: Path, log: Callable[[], str]) -> None:
    net = Net(lambda x: x.cumsum(1)).eval()
    fast = compiled(net, folder)
    for mode in (torch.no_grad, torch.inference_mode, torch.no_grad):
        with mode():
            x = torch.randn(IMAGE)
            found = fast(x)
            assert_same(found, net(x))
            assert found.is_inference() == (mode is torch.inference_mode)
    assert log().count("a graph has 2 parts in the engine") == 2


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


def test_modules_of_one_class_share_a_graph(folder: Path, log: Callable[[], str]) -> None:
    """Compiling the blocks of a network one by one: each is packed, and none twice."""
    blocks = [block(4, 4).eval() for _ in range(3)]
    fast = [compiled(each, folder) for each in blocks]
    with torch.no_grad():
        for _ in range(4):
            for one, plain in zip(fast, blocks, strict=True):
                x = torch.randn(1, 4, 9, 9)
                assert_same(one(x), plain(x))
    assert log().count("a graph has 1 parts in the engine") == 3


def test_a_tensor_kept_from_call_to_call_is_an_input(folder: Path, log: Callable[[], str]) -> None:
    class Stream(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell, self.state = nn.Linear(16, 8), torch.zeros(2, 8)

        def forward(self, x: Tensor) -> Tensor:
            self.state = self.cell(torch.cat([x, self.state], 1)).tanh()
            return self.state

    net = Stream().eval()
    fast = compiled(net, folder)
    with torch.no_grad():
        state = net.state
        for _ in range(4):
            x = torch.randn(2, 8)
            state = net.cell(torch.cat([x, state], 1)).tanh()
            assert_same(fast(x), state)
    assert log().count("a graph has 1 parts in the engine") == 1


def test_weights_inside_of_a_graph() -> None:
    """Some settings of torch hand them in so; they are no inputs that could be watched."""
    net, x = block(3, 4).eval(), torch.randn(IMAGE)
    with pytest.warns(UserWarning, match="cannot be watched"):
        run = backend(torch.fx.symbolic_trace(net), [x])
    assert_same(run(x), net(x))


def test_a_size_among_the_outputs(folder: Path) -> None:
    class Sized(Net):
        def forward(self, x: Tensor) -> Any:
            return super().forward(x), x.shape[2] * 2

    net = Sized().eval()
    fast = torch.compile(net, backend=backend, dynamic=True, options={"cache": str(folder)})
    with torch.no_grad():
        for size in (12, 17):
            x = torch.randn(2, 3, size, size)
            assert_same(fast(x), net(x))


def test_under_vmap(folder: Path) -> None:
    net = Net().eval()
    fast = compiled(net, folder)
    x = torch.randn(3, *IMAGE)
    with torch.no_grad():
        assert_same(torch.vmap(fast)(x), torch.stack([net(each) for each in x]))


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


def test_there_are_no_modes() -> None:
    fast = torch.compile(Net().eval(), backend=backend, mode="reduce-overhead")
    with torch.no_grad(), pytest.raises(Exception, match="no modes such as 'reduce-overhead'"):
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
