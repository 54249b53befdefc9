"""Teachers by what was typed: they answer as their modules do, or one line says why not."""

import sys
import warnings
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tests.models import make_model_file, make_network
from torch import Tensor, nn

from lithe.errors import LitheError
from lithe.nets.libraries import from_library
from lithe.training.open_teacher import open_teacher
from lithe.training.teacher import check_classes
from lithe.training.transforms import MEAN_STD

CLASSES = ("ant", "bee", "cow")
CODE = """
import torch
from torch import nn


class Small(nn.Sequential):
    def __init__(self, classes=3):
        torch.manual_seed(3)
        super().__init__(
            nn.Conv2d(1, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, classes)
        )


class Stating(Small):
    pretrained_cfg = {"input_size": (1, 12, 12), "mean": (0.1,), "std": (0.2,)}


def broken():
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(10, 3))


def maps():
    return nn.Conv2d(1, 3, 3)


kept = Small()
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "owncode.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "owncode", raising=False)
    return tmp_path


def onnx_file(path: Path, network: nn.Module, side: int, *, open_sizes: bool = False) -> Path:
    axes = {0: "n"} | ({2: "h", 3: "w"} if open_sizes else {})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch would rather write by dynamo
        torch.onnx.export(
            network.eval(),
            (torch.zeros(2, 1, side, side),),
            str(path),
            dynamo=False,
            input_names=["x"],
            output_names=["y"],
            dynamic_axes={"x": axes, "y": {0: "n"}},
        )
    return path


def close(first: Tensor, second: Tensor) -> bool:
    return torch.allclose(first, second, rtol=1e-4, atol=1e-4)


def test_a_model_file_brings_its_preprocessing_and_classes(tmp_path: Path) -> None:
    network = make_network(CLASSES, channels=1)
    path = make_model_file(tmp_path / "model.safetensors", network)
    teacher = open_teacher(str(path), None, 3)
    assert (teacher.channels, teacher.side, teacher.classes) == (1, 16, CLASSES)
    x = torch.randn(5, 1, 16, 16)
    with torch.no_grad():
        assert close(teacher.module(x), network(x))
    check_classes(teacher, CLASSES)
    with pytest.raises(LitheError, match="knows 'ant' where the images have 'bee'"):
        check_classes(teacher, ("bee", "ant", "cow"))
    with pytest.raises(LitheError, match=r"knows 3 classes and the images have 4; take one that"):
        open_teacher(str(path), None, 4)


@pytest.mark.parametrize("open_sizes", [False, True])
def test_an_onnx_file_answers_batches_of_any_size(tmp_path: Path, open_sizes: bool) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3)
    )
    path = onnx_file(tmp_path / "it.onnx", network, 16, open_sizes=open_sizes)
    teacher = open_teacher(str(path), None, 3)
    assert (teacher.channels, teacher.side) == (1, 224 if open_sizes else 16)
    assert (teacher.mean, teacher.std) == MEAN_STD[1]
    side = teacher.side or 0
    for n in (1, 3, 8):
        x = torch.randn(n, 1, side, side)
        with torch.no_grad():
            assert close(teacher.module(x), network(x))
    with pytest.raises(LitheError, match="knows 3 classes and the images have 10"):
        open_teacher(str(path), None, 10)


def test_an_onnx_file_whose_samples_meet_is_asked_image_by_image(tmp_path: Path) -> None:
    network = nn.Sequential(nn.Conv2d(1, 3, 8), nn.Flatten(), nn.Softmax(0))
    teacher = open_teacher(str(onnx_file(tmp_path / "it.onnx", network, 8)), None, 3)
    assert torch.equal(teacher.module(torch.randn(3, 1, 8, 8)), torch.ones(3, 3))


def test_ones_own_code_with_weights_from_a_file(own: Path) -> None:
    import owncode  # type: ignore[import-not-found]

    weights = own / "w.safetensors"
    trained = owncode.Small()
    with torch.no_grad():
        for parameter in trained.parameters():
            parameter.uniform_(-1, 1)
    save_file(trained.state_dict(), weights)
    teacher = open_teacher("owncode:Small", weights, 3)
    x = torch.randn(4, 1, 9, 9)
    assert torch.equal(teacher.module(x), trained(x))
    assert (teacher.channels, teacher.side, teacher.mean) == (1, None, MEAN_STD[1][0])
    stating = open_teacher("owncode:Stating", None, 3)
    assert (stating.side, stating.mean, stating.std) == (12, (0.1,), (0.2,))
    assert not any(parameter.requires_grad for parameter in stating.module.parameters())


def test_an_object_of_ones_own_code_stays_as_it_is(own: Path) -> None:
    from owncode import Small, kept

    weights = own / "w.safetensors"
    save_file({name: value + 1 for name, value in kept.state_dict().items()}, weights)
    teacher = open_teacher("owncode:kept", weights, 3)
    first, second = (module.get_parameter("0.weight") for module in (teacher.module, kept))
    assert torch.equal(first, second + 1)
    assert torch.equal(second, Small().get_parameter("0.weight"))
    assert second.requires_grad
    assert kept.training


def test_a_librarys_network_with_weights_from_a_file(tmp_path: Path) -> None:
    weights = tmp_path / "w.safetensors"
    trained = from_library("timm", "resnet10t", 3)
    save_file(trained.state_dict(), weights)
    teacher = open_teacher("timm:resnet10t", weights, 3)
    assert (teacher.channels, teacher.side) == (3, 176)
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(teacher.module(x), trained(x))
    message = r"fc.bias is \[3\], the network needs \[4\].*; the images have 4 classes"
    with pytest.raises(LitheError, match=message):
        open_teacher("timm:resnet10t", weights, 4)


@pytest.mark.parametrize(
    ("text", "weights", "message"),
    [
        ("timm:resnet18", None, "knows 1000 classes and the images have 3; take one that was"),
        ("timm:resnet1", None, "timm has no network 'resnet1'; did you mean"),
        ("torchvision:resnet18", None, "it has no weights yet; give them by --teacher-weights"),
        ("timm:resnet10t", "none.safetensors", "there is no file none.safetensors"),
        ("mobilenet_v2", None, "it has to be trained; name it as timm:NAME"),
        ("none.onnx", None, "none.onnx"),
        ("none.safetensors", None, "there is no file none.safetensors"),
        ("none.onnx", "w.safetensors", "leave --teacher-weights out"),
        ("owncode:nothing", None, "owncode has no 'nothing'"),
        ("owncode:broken", None, "does not take an image of 1 x 224 x 224: .*; let its pretrain"),
        ("owncode:maps", None, r"makes \[1, 3, 222, 222\] of one image; logits \(1, 3\) are"),
    ],
)
def test_what_cannot_teach_is_one_line(
    text: str, weights: str | None, message: str, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(own)
    with pytest.raises(LitheError, match=message) as raised:
        open_teacher(text, Path(weights) if weights else None, 3)
    assert "\n" not in str(raised.value)
    assert str(raised.value).startswith(f"the teacher {text}")


def test_published_weights_that_cannot_be_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(LitheError, match=r"cannot be fetched .* or give --teacher-weights FILE"):
        open_teacher("timm:resnet18", None, 1000)


def test_published_weights_that_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    trained = from_library("timm", "resnet10t")
    state = trained.state_dict()
    asked = []

    def fetch(name: str, without: str) -> dict[str, Tensor]:
        asked.append(name)
        return state

    monkeypatch.setattr("lithe.training.open_teacher.fetch", fetch)
    teacher = open_teacher("timm:resnet10t", None, 1000)
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(teacher.module(x), trained(x))
    assert asked == ["resnet10t"]
