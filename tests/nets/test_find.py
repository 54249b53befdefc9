"""Any network by what someone typed."""

import warnings
from pathlib import Path

import pytest
from tests.models import make_converted_file
from torch import nn

from lithe.arch import architecture
from lithe.arch.named import TableOptions
from lithe.errors import LitheError
from lithe.graph import Graph
from lithe.graph.model import Model
from lithe.nets.build import create
from lithe.nets.card import ModelCard, Preprocessing
from lithe.nets.find import Found, find
from lithe.nets.libraries import from_library
from lithe.nets.model_file import save
from lithe.profiling.convolutional import check_convolutional


def test_a_table_by_its_name_with_options() -> None:
    found = find("mobilenet_v2", TableOptions(width=0.5, resolution=96), batch=4)
    assert found.model == architecture("mobilenet_v2", width=0.5, resolution=96)
    assert (found.name, found.input_shape) == ("mobilenet_v2_w0.5_r96", (4, 3, 96, 96))


def test_the_input_of_a_table_sets_its_resolution_and_channels() -> None:
    found = find("mobilenet_v1", input_shape=(2, 1, 64, 64))
    assert found.model == architecture("mobilenet_v1", resolution=64, in_channels=1)
    assert found.input_shape == (2, 1, 64, 64)


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("timm:test_resnet.r160_in1k", (1, 3, 160, 160)),
        ("torchvision:squeezenet1_1", (1, 3, 224, 224)),
        ("torchvision:inception_v3", (1, 3, 299, 299)),
    ],
)
def test_networks_of_libraries_take_what_they_were_made_for(
    text: str, shape: tuple[int, ...]
) -> None:
    found = find(text)
    assert isinstance(found.model, nn.Module)
    assert not found.model.training
    assert (found.name, found.input_shape) == (text, shape)
    assert find(text, input_shape=(2, 3, 75, 75), batch=8).input_shape == (8, 3, 75, 75)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch

    folder = tmp_path_factory.mktemp("files")
    network = create("mobilenet_v2", width=0.1, resolution=32, num_classes=2, in_channels=1)
    card = ModelCard(
        arch=network.arch,
        classes=("cat", "dog"),
        preprocessing=Preprocessing(resolution=32, mean=(0.5,), std=(0.5,)),
    )
    save(folder / "model.safetensors", network, card)
    x = torch.zeros(1, 1, 32, 32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(network.eval(), (x,), folder / "net.onnx", dynamo=False)
    whole = (folder / "net.onnx").read_bytes()
    (folder / "cut.onnx").write_bytes(whole[: len(whole) // 2])
    (folder / "weights.pth").write_bytes(b"\x80\x04.")
    (folder / "code.py").write_text("raise SystemError('must not be run')")
    (folder / "picture.png").write_bytes(b"")
    return folder


def test_files(folder: Path) -> None:
    path = str(folder / "model.safetensors")
    found = find(path, batch=2)
    assert found.model == Path(path)
    assert (found.name, found.input_shape) == ("mobilenet_v2_w0.1_r32", (2, 1, 32, 32))
    assert find(path, input_shape=(1, 1, 48, 48)).input_shape == (1, 1, 48, 48)
    found = find(str(folder / "net.onnx"))
    assert isinstance(found.model, Model)
    assert (found.name, found.input_shape) == ("net.onnx", (1, 1, 32, 32))


def test_a_file_of_a_converted_network(tmp_path: Path) -> None:
    path = make_converted_file(tmp_path / "model.safetensors", ("cat", "dog"))
    found = find(str(path), batch=2)
    assert found.model == path
    assert found.name == "timm:test_resnet, 2 layers converted"
    assert found.input_shape == (2, 3, 32, 32)
    check_convolutional(found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mobilnet_v2", "there is no network 'mobilnet_v2'; did you mean mobilenet_v2"),
        ("resnet18", "did you mean timm:resnet18 or torchvision:resnet18?"),
        ("", "give a table's name, timm:NAME, torchvision:NAME, package.module:attribute"),
        ("timm:resnet81", "timm has no network 'resnet81'; did you mean resnet18"),
        ("timm:hf-hub:someone/net", "timm has no network 'hf-hub:someone/net'"),
        ("timm:", "timm has no network ''"),
        ("torchvision:resnet-18", "torchvision has no network 'resnet-18'; did you mean resnet18"),
        ("models.py:build", "name the module and not its file, models:build"),
        ("missing.onnx", "missing.onnx: No such file"),
        ("missing.pth", "reading a pickle can run code"),
        ("{0}/cut.onnx", "cut.onnx is not an ONNX model"),
        ("{0}/weights.pth", "reading a pickle can run code"),
        ("{0}/code.py", "name the function in it"),
        ("{0}/picture.png", "lithe reads .onnx, and .safetensors"),
        ("mobilenet_v2_w9999", "width"),
    ],
)
def test_what_cannot_be_found(text: str, said: str, folder: Path) -> None:
    with pytest.raises(LitheError) as error:
        find(text.format(folder))
    assert said in str(error.value)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "options", "shape", "said"),
    [
        ("mobilenet_v2", TableOptions(), (1, 3, 64, 96), "takes square images"),
        ("mobilenet_v2", TableOptions(), (3, 64, 64), "takes square images"),
        ("mobilenet_v2", TableOptions(resolution=96), (1, 3, 64, 64), "contradict each other"),
        ("mobilenet_v2", TableOptions(in_channels=1), (1, 3, 64, 64), "contradict each other"),
        ("timm:resnet18", TableOptions(width=0.5), None, "--width is for a named architecture"),
        ("x.onnx", TableOptions(classes=2), None, "--classes is for a named architecture"),
    ],
)
def test_options_that_do_not_go_with_it(
    text: str, options: TableOptions, shape: tuple[int, ...] | None, said: str
) -> None:
    with pytest.raises(LitheError, match=said):
        find(text, options, shape)


def test_a_module_that_does_not_say_what_it_takes() -> None:
    with pytest.raises(LitheError, match="add the shape of its input, such as --input 1x3x224x224"):
        find("torch.nn:Identity")
    assert find("torch.nn:Identity", input_shape=(1, 3, 8, 8)).input_shape == (1, 3, 8, 8)


def test_every_name_of_torchvision_is_looked_up_in_its_own_list() -> None:
    # A network with a backbone fetches the backbone's weights unless it is told not to.
    assert isinstance(from_library("torchvision", "lraspp_mobilenet_v3_large"), nn.Module)


@pytest.mark.parametrize(
    "module", [nn.Flatten(), nn.Sequential(nn.Flatten(), nn.Linear(192, 2), nn.ReLU())]
)
def test_a_module_without_a_convolution_is_none_for_lithe(module: nn.Module) -> None:
    with pytest.raises(LitheError, match="is no convolutional network"):
        check_convolutional(Found("users", module, (1, 3, 8, 8)))


class OnlyAFunction(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(nn.init.zeros_(nn.Conv2d(3, 4, 3).weight))

    def forward(self, x):  # type: ignore[no-untyped-def]
        return nn.functional.conv2d(x, self.weight)


def test_a_convolution_is_found_wherever_it_is() -> None:
    for module in (nn.Conv2d(3, 4, 3), nn.Sequential(nn.ConvTranspose2d(3, 4, 3)), OnlyAFunction()):
        check_convolutional(Found("users", module, (1, 3, 8, 8)))
    check_convolutional(find("mobilenet_v2"))
    empty = Found("users", Model(Graph(("x",), ("x",), (), {"x": (1, 3)})), (1, 3))
    with pytest.raises(LitheError, match="is no convolutional network"):
        check_convolutional(empty)
