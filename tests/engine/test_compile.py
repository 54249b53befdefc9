import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from tests.models import make_model_file, make_network
from torch import Tensor, nn

import lithe
from lithe.arch import architecture
from lithe.engine.network import CompiledNetwork
from lithe.engine.programs import MACS_PER_THREAD, default_threads, piece_of
from lithe.engine.target import runnable
from lithe.errors import LitheError
from lithe.graph.capture import capture_model
from lithe.graph.from_arch import from_arch
from lithe.graph.graph import GraphBuilder
from lithe.graph.ops import Conv2d


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    return make_model_file(folder / "model.safetensors", make_network(["a", "b", "c"]))


def close(found: Tensor | np.ndarray, expected: Tensor) -> None:
    np.testing.assert_allclose(np.asarray(found), expected.numpy(), rtol=1e-4, atol=1e-4)


@pytest.mark.smoke
@pytest.mark.parametrize("isa", [isa.name for isa in runnable()])
def test_a_network_computes_what_torch_computes(folder: Path, isa: str) -> None:
    network = make_network(["a", "b", "c"])
    fast = lithe.compile(network, cache=folder, target=isa)
    assert fast.target == isa
    x = torch.randn(1, 3, 16, 16)
    with torch.no_grad():
        close(fast(x), network(x))


def test_every_door_leads_to_the_same_bits(folder: Path, file: Path) -> None:
    network = make_network(["a", "b", "c"])
    x = np.random.default_rng(0).standard_normal((2, 3, 16, 16)).astype(np.float32)
    shape = (1, 3, 16, 16)
    doors = (
        lithe.compile(network, cache=folder),
        lithe.compile(network, torch.zeros(shape), cache=folder),
        lithe.compile(network, np.zeros((4, 3, 16, 16)), cache=folder),
        lithe.compile(file, cache=folder),
        lithe.compile(str(file), shape, cache=folder),
        lithe.compile(capture_model(network, shape), cache=folder),
        lithe.compile(capture_model(network, shape), (shape,), cache=folder),
    )
    expected = doors[0](x)
    for fast in doors[1:]:
        np.testing.assert_array_equal(fast(x), expected)


def test_another_resolution_than_the_tables(folder: Path, file: Path) -> None:
    network = make_network(["a", "b", "c"])
    x = torch.randn(1, 3, 24, 40)
    with torch.no_grad():
        expected = network(x)
    close(lithe.compile(network, x, cache=folder)(x), expected)
    close(lithe.compile(file, (1, 3, 24, 40), cache=folder)(x), expected)


def test_what_was_done_to_a_network_of_ours_is_compiled(folder: Path) -> None:
    x = torch.randn(1, 3, 16, 16)
    hooked, replaced = make_network(["a"]), make_network(["a"])
    hooked.classifier.register_forward_hook(lambda module, given, out: out + 1)
    replaced.add_module("dropout", nn.ReLU())
    for network in (hooked, replaced):
        with torch.no_grad():
            expected = network(x)
        close(lithe.compile(network, cache=folder)(x), expected)


def test_a_network_in_training_is_compiled_for_inference(folder: Path) -> None:
    network = make_network(["a", "b", "c"])
    x = torch.randn(2, 3, 16, 16)
    expected = lithe.compile(network, cache=folder)(x)
    np.testing.assert_array_equal(lithe.compile(network.train(), cache=folder)(x), expected)
    assert network.training


def test_later_changes_of_the_weights_have_no_effect(folder: Path) -> None:
    network = make_network(["a", "b", "c"])
    x = torch.randn(1, 3, 16, 16)
    fast = lithe.compile(network, cache=folder)
    expected = fast(x).clone()
    with torch.no_grad():
        for weight in network.parameters():
            weight.zero_()
    np.testing.assert_array_equal(fast(x), expected)


def test_a_batch_is_computed_in_pieces_that_read_the_weights_once(folder: Path) -> None:
    network = make_network(["a", "b", "c"])
    fast = lithe.compile(network, (8, 3, 16, 16), threads=2, cache=folder)
    assert isinstance(fast, CompiledNetwork)
    assert fast.input_shapes == ((8, 3, 16, 16),)
    assert fast.piece == 4
    assert "one piece of 4 samples" in str(fast.schedule)
    one = lithe.compile(network, threads=1, cache=folder)
    assert isinstance(one, CompiledNetwork)
    assert one.piece == 1
    assert fast.weight_bytes < 2 * one.weight_bytes
    x = np.random.default_rng(0).standard_normal((11, 3, 16, 16)).astype(np.float32)
    np.testing.assert_array_equal(fast(x), one(x))


def test_pieces_follow_batch_threads_and_memory() -> None:
    assert piece_of(32, 2, 100_000) == 4
    assert piece_of(32, 2, 1_300_000) == 2
    assert piece_of(32, 2, 3_000_000) == 1
    assert piece_of(9, 1, 1) == 3
    assert piece_of(4, 2, 1) == 2
    assert piece_of(1, 1, 1) == 1
    assert piece_of(7, 1, 1) == 1


def test_an_onnx_file(folder: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    conv = nn.Conv2d(3, 8, 3)
    assert conv.bias is not None
    arrays = {"w": conv.weight, "b": conv.bias}
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "w", "b"], ["c"]),
            helper.make_node("Relu", ["c"], ["y"]),
        ],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 9, 9])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 8, 7, 7])],
        [numpy_helper.from_array(a.detach().numpy(), name) for name, a in arrays.items()],
    )
    file = tmp_path / "model.onnx"
    file.write_bytes(helper.make_model(graph).SerializeToString())
    x = rng.standard_normal((2, 3, 9, 9)).astype(np.float32)
    with torch.no_grad():
        expected = torch.relu(conv(torch.from_numpy(x)))
    close(lithe.compile(file, cache=folder)(x), expected)
    close(lithe.compile(str(file), x, cache=folder)(x), expected)
    file.write_bytes(b"nonsense")
    with pytest.raises(LitheError, match=r"model\.onnx"):
        lithe.compile(file)


def test_a_tuned_network_says_what_was_measured(folder: Path) -> None:
    network = make_network(["a", "b"])
    x = torch.randn(1, 3, 16, 16)
    with torch.no_grad():
        expected = network(x)
    for _ in range(2):  # measured, then recalled
        fast = lithe.compile(network, threads=1, tune=True, cache=folder)
        close(fast(x), expected)
        assert "measured" in str(fast.schedule)


class Two(nn.Module):
    """Two inputs, two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(3, 8, 3)
        self.other = nn.Conv2d(4, 8, 3)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        both = torch.relu(self.one(x) + self.other(y))
        return both, both.mean((2, 3))


def test_several_inputs_and_outputs(folder: Path) -> None:
    module = Two().eval()
    x, y = torch.randn(1, 3, 9, 9), torch.randn(1, 4, 9, 9)
    fast = lithe.compile(module, (x, y), cache=folder)
    for batch in (1, 3):
        x, y = torch.randn(batch, 3, 9, 9), torch.randn(batch, 4, 9, 9)
        found = fast(x, y)
        assert isinstance(found, tuple)
        with torch.no_grad():
            expected = module(x, y)
        for one, other in zip(found, expected, strict=True):
            close(one, other)
    with pytest.raises(LitheError, match="2 and 3 samples"):
        fast(x[:2], y)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"threads": 0}, "threads=0"),
        ({"target": "sse9"}, "no target 'sse9'"),
        ({"example_input": "x"}, "not str|not int"),
        ({"example_input": (1, 3, 0, 16)}, r"\(1, 3, 0, 16\) is no shape"),
    ],
)
def test_arguments_that_make_no_sense(arguments: dict[str, object], says: str) -> None:
    with pytest.raises(LitheError, match=says):
        lithe.compile(make_network(["a"]), **arguments)  # type: ignore[arg-type]


def test_models_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(LitheError, match="not int"):
        lithe.compile(3)
    with pytest.raises(LitheError, match="give an example input"):
        lithe.compile(nn.Conv2d(3, 8, 3))
    with pytest.raises(LitheError, match="there is no file"):
        lithe.compile(tmp_path / "no.safetensors")
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"\x10\0\0\0\0\0\0\0nonsense")
    with pytest.raises(LitheError, match=r"broken\.safetensors"):
        lithe.compile(broken)
    model = capture_model(nn.Conv2d(3, 8, 3), (1, 3, 8, 8))
    with pytest.raises(LitheError, match=r"takes \(1, 3, 8, 8\) and the example is \(1, 3, 9, 9\)"):
        lithe.compile(model, (1, 3, 9, 9))


def test_threads_follow_the_work() -> None:
    graph = from_arch(architecture("mobilenet_v2"))  # 300.8 million MACs
    assert 300_800_000 // MACS_PER_THREAD == 150
    assert default_threads(graph, 1000) == 128  # a power of two, where it is not all
    assert default_threads(graph, 150) == 150
    assert default_threads(graph, 2) == 2
    small = GraphBuilder()
    small.add(Conv2d(3, 8, (3, 3)), small.input((1, 3, 34, 34)))  # 0.2 million
    assert default_threads(small.build("v0"), 8) == 1


LOAD = """
import sys
import numpy as np
import lithe
fast = lithe.compile(sys.argv[1], cache=sys.argv[2])
print(fast(np.zeros((1, 3, 16, 16), np.float32)).shape)
print(sorted({"llvmlite", "torch"} & sys.modules.keys()))
"""


def test_a_cached_model_file_runs_without_llvm_and_without_torch(
    tmp_path: Path, file: Path
) -> None:
    command = [sys.executable, "-c", LOAD, str(file), str(tmp_path)]
    for heavy in (["llvmlite"], []):
        run = subprocess.run(command, capture_output=True, text=True)
        assert run.stdout == f"(1, 3)\n{heavy}\n", run.stderr
