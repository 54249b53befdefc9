"""What an ONNX file says, against ONNX Runtime, operator by operator and on whole networks."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tests.graph.onnx.files import (
    assert_as_onnxruntime,
    drawn,
    exported,
    file_of,
    node,
)
from tests.graph.onnx.operators import CASES
from tests.graph.reference import evaluate
from tests.graph.test_capture_model import randomize
from torch import nn

from lithe.errors import LitheError
from lithe.graph import param_count
from lithe.graph.capture import capture_model
from lithe.graph.onnx import read_onnx
from lithe.graph.ops import AdaptivePool2d, Conv2d, Fused, Linear, Pad
from lithe.graph.passes import simplify
from lithe.nets.build import create
from lithe.nets.torchvision_compat import models


@pytest.mark.parametrize("name", CASES)
def test_operators(name: str, tmp_path: Path) -> None:
    nodes, arrays, opset = CASES[name]
    assert_as_onnxruntime(file_of(tmp_path / "a.onnx", nodes, arrays, opset=opset))


NETWORKS = (
    "tv:mobilenet_v2",
    "tv:mobilenet_v3_small",
    "tv:shufflenet_v2_x0_5",
    "tv:squeezenet1_1",
    "tv:resnet18",
    "timm:efficientnet_lite0",
    "timm:tf_mobilenetv3_small_minimal_100",
)


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_exported_by_torch(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    kind, name = name.split(":")
    if kind == "tv":
        network = models.get_model(name, weights=None)
    else:
        network = importlib.import_module("timm").create_model(name)
    network = randomize(network).float()
    model = assert_as_onnxruntime(
        exported(tmp_path / "a.onnx", network, (2, 3, 40, 40)), (2, 3, 40, 40)
    )
    captured = simplify(capture_model(network, (2, 3, 40, 40)))
    assert [node.op for node in simplify(model).graph.nodes] == [
        node.op for node in captured.graph.nodes
    ]


def test_our_network_with_batch_norm_kept_counts_alike(tmp_path: Path) -> None:
    network = create("mobilenet_v2", width=0.35, resolution=32, num_classes=5).eval()
    training = torch.onnx.TrainingMode.PRESERVE
    path = exported(
        tmp_path / "a.onnx", network, (1, 3, 32, 32), training=training, do_constant_folding=False
    )
    model, captured = read_onnx(path), capture_model(network, (1, 3, 32, 32))
    assert param_count(model.graph) == param_count(captured.graph)
    assert [type(n.op) for n in model.graph.nodes][:3] == [
        type(n.op) for n in captured.graph.nodes
    ][:3]
    x = torch.randn(1, 3, 32, 32)
    torch.testing.assert_close(evaluate(model, x), evaluate(captured, x), rtol=1e-5, atol=1e-6)


def test_an_open_batch_and_an_open_size(tmp_path: Path) -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    network = nn.Sequential(network, nn.Linear(4, 2)).eval()
    axes = {"x": {0: "n"}}
    path = exported(
        tmp_path / "a.onnx", network, (2, 3, 9, 9), input_names=["x"], dynamic_axes=axes
    )
    assert read_onnx(path).graph.shapes["x0"] == (1, 3, 9, 9)
    assert read_onnx(path, (5, 3, 9, 9)).graph.shapes["x0"] == (5, 3, 9, 9)
    with pytest.raises(LitheError, match=r"x is of shape \(\?, 3, 9, 9\), not \(1, 3, 8, 9\)"):
        read_onnx(path, (1, 3, 8, 9))
    axes = {"x": {0: "n", 2: "h", 3: "w"}}
    path = exported(
        tmp_path / "b.onnx", network, (2, 3, 9, 9), input_names=["x"], dynamic_axes=axes
    )
    with pytest.raises(LitheError, match=r"x is of shape \(\?, 3, \?, \?\); give the shape"):
        read_onnx(path)
    model = simplify(read_onnx(path, (3, 3, 12, 10)))
    x = torch.randn(3, 3, 12, 10)
    torch.testing.assert_close(evaluate(model, x)[0], network.double()(x.double()).detach())
    assert [type(node.op) for node in model.graph.nodes][:2] == [Fused, AdaptivePool2d]


def test_nothing_heavy_is_imported_before_a_file_is_read() -> None:
    code = (
        "import sys, lithe.graph.onnx, lithe.graph.passes; "
        "print([name for name in ('onnx', 'torch', 'google.protobuf') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_uneven_padding_and_a_transposed_weight(tmp_path: Path) -> None:
    path = file_of(
        tmp_path / "a.onnx",
        [node("Conv", "x w", auto_pad="SAME_UPPER", strides=[2, 2])],
        {"w": drawn(5, 4, 2, 2)},
    )
    ops = [each.op for each in read_onnx(path).graph.nodes]
    assert ops == [Pad(0, 1, 0, 1), Conv2d(4, 5, (2, 2), (2, 2))]
    path = file_of(tmp_path / "b.onnx", [node("MatMul", "x w")], {"w": drawn(9, 3)})
    (linear,) = read_onnx(path).graph.nodes
    assert linear.op == Linear(9, 3, bias=False)
