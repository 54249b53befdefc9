"""What an ONNX file says, against ONNX Runtime, operator by operator and on whole networks."""

import importlib
import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from tests.graph.reference import evaluate
from tests.graph.test_capture_model import randomize
from torch import nn

from lithe.errors import LitheError
from lithe.graph import Model, param_count, unknown_ops
from lithe.graph.capture import capture_model
from lithe.graph.onnx import read_onnx
from lithe.graph.ops import Activation, AdaptivePool2d, Conv2d, Fused, Linear, Pad, Unknown
from lithe.graph.passes import simplify
from lithe.nets.build import create
from lithe.nets.torchvision_compat import models

IMAGE = (2, 4, 7, 9)
Arrays = dict[str, Any]


def node(kind: str, inputs: str, outputs: str = "y", **attributes: Any) -> onnx.NodeProto:
    """One operator; inputs and outputs by name, "-" for one that is left out."""
    names = ["" if name == "-" else name for name in inputs.split()]
    title = f"the_{kind}" if outputs in ("y", "u") else f"{kind}_{outputs}"
    return helper.make_node(kind, names, outputs.split(), name=title, **attributes)


def file_of(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    arrays: Arrays | None = None,
    *,
    opset: int = 17,
    shape: Sequence[Any] = IMAGE,
    outputs: Sequence[str] = ("y",),
    inner: Sequence[onnx.ValueInfoProto] = (),
) -> Path:
    """An ONNX file with one input x; its outputs have no shape of their own."""
    initializers = [
        numpy_helper.from_array(np.asarray(array), name) for name, array in (arrays or {}).items()
    ]
    graph = helper.make_graph(
        list(nodes),
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(shape))],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        initializers,
        value_info=list(inner),
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 8
    onnx.save(model, str(path))
    return path


def outputs_of(path: Path, x: Any) -> list[Any]:
    """What ONNX Runtime makes of x."""
    onnxruntime = importlib.import_module("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
    return list(session.run(None, {session.get_inputs()[0].name: x}))


def assert_as_onnxruntime(path: Path, shape: tuple[int, ...] = IMAGE) -> Model:
    model = read_onnx(path)
    assert unknown_ops(model.graph) == ()
    x = np.random.default_rng(0).normal(0, 2, shape).astype(np.float32)
    expected = outputs_of(path, x)
    for each in (model, simplify(model)):
        found = evaluate(each, torch.from_numpy(x), dtype=torch.float32)
        for y, z in zip(found, expected, strict=True):
            torch.testing.assert_close(y.numpy(), z, rtol=2e-5, atol=2e-5)
    return model


def drawn(*shape: int) -> Any:
    return np.random.default_rng(sum(shape)).normal(0, 0.5, shape).astype(np.float32)


def ints(*numbers: int) -> Any:
    return np.asarray(numbers, np.int64)


F = np.float32
NORM = {"s": drawn(4), "b": drawn(4), "m": drawn(4), "v": np.abs(drawn(4)) + F(0.5)}
# Operators, arrays, opset.
CASES: dict[str, tuple[list[onnx.NodeProto], Arrays, int]] = {
    "conv": ([node("Conv", "x w b", pads=[1, 0, 1, 0], strides=[2, 1])],
             {"w": drawn(6, 4, 3, 2), "b": drawn(6)}, 17),
    "conv grouped": ([node("Conv", "x w", group=2, dilations=[2, 1], kernel_shape=[3, 3])],
                     {"w": drawn(6, 2, 3, 3)}, 17),
    "conv uneven": ([node("Conv", "x w", pads=[0, 1, 2, 3])], {"w": drawn(5, 4, 3, 3)}, 17),
    "conv same upper": ([node("Conv", "x w", auto_pad="SAME_UPPER", strides=[2, 2])],
                        {"w": drawn(5, 4, 3, 2)}, 17),
    "conv same lower": ([node("Conv", "x w", auto_pad="SAME_LOWER", strides=[2, 3])],
                        {"w": drawn(5, 4, 4, 2)}, 17),
    "conv valid": ([node("Conv", "x w", auto_pad="VALID")], {"w": drawn(5, 4, 3, 2)}, 17),
    "gemm": ([node("Flatten", "x", "f"), node("Gemm", "f w b", alpha=0.5, beta=2.0)],
             {"w": drawn(252, 3), "b": drawn(1, 3)}, 17),
    "gemm transposed": ([node("Flatten", "x", "f"), node("Gemm", "f w b", transB=1)],
                        {"w": drawn(3, 252), "b": drawn(3)}, 17),
    "gemm scalar": ([node("Flatten", "x", "f"), node("Gemm", "f w b")],
                    {"w": drawn(252, 3), "b": drawn(1)}, 17),
    "matmul": ([node("MatMul", "x w", "p"), node("Add", "p b")],
               {"w": drawn(9, 3), "b": drawn(3)}, 17),
    "norm": ([node("BatchNormalization", "x s b m v", epsilon=0.1)], NORM, 17),
    "norm shared": ([node("BatchNormalization", "x v b b v")], NORM, 17),
    "conv norm": ([node("Conv", "x w", "c"), node("BatchNormalization", "c s b m v", "n"),
                   node("Relu", "n")], {"w": drawn(4, 4, 1, 1), **NORM}, 17),
    **{kind: ([node(kind, "x")], {}, 22) for kind in
       ("Relu", "Sigmoid", "Tanh", "HardSwish", "Mish", "Neg", "Abs", "Exp", "LeakyRelu", "Elu",
        "Softplus", "HardSigmoid", "Gelu", "GlobalAveragePool", "GlobalMaxPool", "Identity",
        "ReduceMean", "Softmax", "Transpose", "Flatten", "Dropout")},
    "sqrt log": ([node("Abs", "x", "a"), node("Sqrt", "a", "s"), node("Log", "s", "l"),
                  node("Reciprocal", "l")], {}, 17),
    "leaky": ([node("LeakyRelu", "x", alpha=0.3)], {}, 17),
    "hard sigmoid": ([node("HardSigmoid", "x", alpha=1 / 6)], {}, 17),
    "gelu tanh": ([node("Gelu", "x", approximate="tanh")], {}, 20),
    "clip 6": ([node("Clip", "x", min=0.0, max=6.0)], {}, 10),
    "clip 11": ([node("Clip", "x - hi")], {"hi": F(0.5)}, 11),
    "clip constant": ([node("Constant", "", "lo", value_float=-1.0), node("Clip", "x lo")], {}, 13),
    "prelu": ([node("PRelu", "x w")], {"w": drawn(4, 1, 1)}, 17),
    "power": ([node("Pow", "x two", "p"), node("Pow", "p three")],
              {"two": F(2), "three": F(3)}, 17),
    "arithmetic": ([node("Mul", "x c", "a"), node("Add", "n a", "b"), node("Sub", "n b", "d"),
                    node("Abs", "d", "e"), node("Add", "e n", "f"), node("Div", "n f", "g"),
                    node("Sub", "g x", "h"), node("Div", "h n", "i"), node("Sub", "c i", "j"),
                    node("Max", "j x", "k"), node("Min", "k c", "l"), node("Mul", "l x")],
                   {"c": drawn(4, 1, 1), "n": F(1.5)}, 17),
    "silu": ([node("Sigmoid", "x", "s"), node("Mul", "x s")], {}, 17),
    "softmax 13": ([node("Softmax", "x", axis=1)], {}, 13),
    "softmax 11": ([node("Softmax", "x", axis=2)], {}, 11),
    "concat": ([node("Concat", "x x", axis=-1)], {}, 17),
    "split": ([node("Split", "x s", "a b", axis=1), node("Concat", "b a", axis=1)],
              {"s": ints(1, 3)}, 17),
    "split equally": ([node("Split", "x", "a b", axis=-3), node("Add", "a b")], {}, 13),
    "split attribute": ([node("Split", "x", "a b", axis=1, split=[2, 2]), node("Add", "a b")],
                        {}, 11),
    "split by outputs": ([node("Split", "x", "a b", axis=2, num_outputs=2),
                          node("Concat", "b a", axis=2)], {}, 18),
    "slice": ([node("Slice", "x s e a t")],
              {"s": ints(1, -8), "e": ints(2**40, -1), "a": ints(1, 3), "t": ints(2, 3)}, 17),
    "slice 9": ([node("Slice", "x", starts=[1], ends=[3], axes=[2])], {}, 9),
    "reshape": ([node("Reshape", "x s")], {"s": ints(0, -1, 3)}, 17),
    "reshape by shape": ([
        node("Shape", "x", "s"), node("Gather", "s zero", "n", axis=0),
        node("Unsqueeze", "n zeros", "u"), node("Concat", "u minus", "to", axis=0),
        node("Reshape", "x to")], {"zero": np.int64(0), "zeros": ints(0), "minus": ints(-1)}, 17),
    "shuffle": ([node("Reshape", "x a", "r"), node("Transpose", "r", "t", perm=[0, 2, 1, 3, 4]),
                 node("Reshape", "t b")], {"a": ints(2, 2, 2, 7, 9), "b": ints(2, 4, 7, 9)}, 17),
    "flatten 0": ([node("Flatten", "x", axis=0)], {}, 17),
    "flatten 2": ([node("Flatten", "x", axis=-2)], {}, 17),
    "pad": ([node("Pad", "x p v")], {"p": ints(0, 0, 1, 2, 0, 0, 3, 0), "v": F(0.5)}, 17),
    "pad axes": ([node("Pad", "x p - a")], {"p": ints(1, 2), "a": ints(-1)}, 18),
    "pad 2": ([node("Pad", "x", pads=[0, 0, 1, 0, 0, 0, 0, 2], value=1.0)], {}, 2),
    "max pool": ([node("MaxPool", "x", kernel_shape=[3, 2], strides=[2, 1], pads=[1, 1, 1, 1])],
                 {}, 17),
    "max pool ceil": ([node("MaxPool", "x", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)],
                      {}, 17),
    "max pool dilated": ([node("MaxPool", "x", kernel_shape=[2, 2], dilations=[2, 3])], {}, 17),
    "max pool uneven": ([node("MaxPool", "x", kernel_shape=[3, 3], strides=[2, 2],
                              pads=[0, 0, 1, 2])], {}, 17),
    "max pool same": ([node("MaxPool", "x", kernel_shape=[2, 2], auto_pad="SAME_UPPER")], {}, 17),
    "avg pool": ([node("AveragePool", "x", kernel_shape=[3, 3], pads=[1, 1, 1, 1])], {}, 17),
    "avg pool padded": ([node("AveragePool", "x", kernel_shape=[3, 3], pads=[1, 1, 1, 1],
                              count_include_pad=1)], {}, 17),
    "avg pool uneven": ([node("AveragePool", "x", kernel_shape=[2, 2], pads=[0, 0, 1, 1],
                              count_include_pad=1)], {}, 17),
    "mean": ([node("ReduceMean", "x", axes=[-1, 2], keepdims=1)], {}, 13),
    "mean 18": ([node("ReduceMean", "x a", keepdims=0)], {"a": ints(1)}, 18),
    "nearest": ([node("Resize", "x - s", mode="nearest", nearest_mode="floor",
                      coordinate_transformation_mode="asymmetric")],
                {"s": np.asarray([1, 1, 2, 1.5], F)}, 17),
    "nearest whole": ([node("Resize", "x - s")], {"s": np.asarray([1, 1, 2, 3], F)}, 17),
    "nearest sizes": ([node("Resize", "x - - s", nearest_mode="floor",
                            coordinate_transformation_mode="asymmetric")],
                      {"s": ints(2, 4, 5, 13)}, 17),
    "linear": ([node("Resize", "x - s", mode="linear",
                     coordinate_transformation_mode="pytorch_half_pixel")],
               {"s": np.asarray([1, 1, 2, 0.7], F)}, 17),
    "linear sizes": ([node("Resize", "x - - s", mode="linear")], {"s": ints(2, 4, 5, 13)}, 17),
    "linear corners": ([node("Resize", "x - - s", mode="linear",
                             coordinate_transformation_mode="align_corners")],
                       {"s": ints(2, 4, 5, 13)}, 17),
    "upsample": ([node("Upsample", "x s", mode="nearest")], {"s": np.asarray([1, 1, 2, 2], F)}, 9),
    "squeeze": ([node("GlobalAveragePool", "x", "p"), node("Squeeze", "p a", "q"),
                 node("Unsqueeze", "q b")], {"a": ints(2, 3), "b": ints(0, -1)}, 17),
    "squeeze 11": ([node("GlobalAveragePool", "x", "p"), node("Squeeze", "p", "q"),
                    node("Unsqueeze", "q", axes=[2])], {}, 11),
    "gather": ([node("Gather", "x i", axis=1)], {"i": np.int64(-1)}, 17),
    "constant weight": ([
        node("Constant", "", "c", value=numpy_helper.from_array(drawn(4, 5, 1, 1))),
        node("Transpose", "c", "w", perm=[1, 0, 2, 3]), node("Identity", "w", "v"),
        node("Conv", "x v")], {}, 17),
    "cast": ([node("Cast", "x", "d", to=TensorProto.DOUBLE),
              node("Cast", "d", to=TensorProto.FLOAT)], {}, 17),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_operators(name: str, tmp_path: Path) -> None:
    nodes, arrays, opset = CASES[name]
    assert_as_onnxruntime(file_of(tmp_path / "a.onnx", nodes, arrays, opset=opset))


def exported(path: Path, network: nn.Module, shape: tuple[int, ...], **options: Any) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(network, (torch.zeros(shape),), str(path), dynamo=False, **options)
    return path


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


def inner(name: str, shape: Sequence[int], kind: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, list(shape))


@pytest.mark.parametrize(
    ("nodes", "arrays", "name"),
    [
        ([node("Hardmax", "x", "u")], {}, "Hardmax (the_Hardmax)"),
        ([node("Conv", "x x", "u")], {}, "Conv without a constant for input 1 (the_Conv)"),
        ([node("Softmax", "x", "s"), node("Shrink", "s", "u")], {}, "Shrink (the_Shrink)"),
        ([node("AveragePool", "x", "u", kernel_shape=[2, 2], pads=[0, 0, 1, 1])], {},
         "AveragePool with uneven padding that is not counted (the_AveragePool)"),
        ([node("Resize", "x - s", "u", mode="cubic")], {"s": np.asarray([1, 1, 2, 2], F)},
         "Resize with mode cubic by half_pixel (the_Resize)"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_a_named_row(
    nodes: list[onnx.NodeProto], arrays: Arrays, name: str, tmp_path: Path
) -> None:
    nodes = [*nodes, node("Relu", "u")]
    path = file_of(tmp_path / "a.onnx", nodes, arrays, inner=[inner("u", IMAGE)])
    ops = [each.op for each in read_onnx(path).graph.nodes]
    assert ops[-2:] == [Unknown(name, IMAGE), Activation("relu")]


def test_what_comes_of_integers_is_not_understood_either(tmp_path: Path) -> None:
    nodes = [node("ArgMax", "x", "u", axis=1), node("Add", "u u")]
    path = file_of(
        tmp_path / "a.onnx",
        nodes,
        inner=[inner("u", (2, 1, 7, 9), TensorProto.INT64), inner("y", (2, 1, 7, 9))],
    )
    ops = [type(each.op) for each in read_onnx(path).graph.nodes]
    assert ops == [Unknown, Unknown]


W = {"w": drawn(6, 4, 3, 3)}


@pytest.mark.parametrize(
    ("nodes", "arrays", "message"),
    [
        ([node("Hardmax", "x")], {}, "Hardmax .the_Hardmax. is not understood, and the file"),
        ([node("Relu", "z")], {}, "Relu the_Relu: z is read before anything makes it"),
        ([node("Relu", "x", "z")], {}, "output y is made by no operator"),
        ([node("Constant", "", value_float=1.0)], {}, "output y does not depend on the input"),
        ([node("Conv", "x w", strides=[0, 1])], W, r"attribute strides is \[0, 1\]"),
        ([node("Conv", "x w", strides=[1])], W, r"attribute strides is \[1\]"),
        ([node("Conv", "x w", group=0)], W, "group is 0"),
        ([node("Conv", "x w", group=2)], W, "8 input channels was given 4"),
        ([node("Conv", "x w", kernel_shape=[2, 2])], W, r"kernel_shape is \[2, 2\] and not"),
        ([node("Conv", "x w", auto_pad="SAME")], W, "auto_pad is SAME"),
        ([node("Conv", "x w b")], {**W, "b": drawn(5)}, r"bias b is of shape \(5,\), not \(6,\)"),
        ([node("Conv", "x w")], {"w": np.ones((6, 4, 3, 3), np.int32)}, "array of int32"),
        ([node("Conv", "x w", pads=[2**31] * 4)], W, "more than 8589934592 numbers"),
        ([node("Reshape", "x s")], {"s": ints(5, -1)}, r"cannot be reshaped to \(5, -1\)"),
        ([node("Reshape", "x s")], {"s": drawn(2)}, "integers are wanted"),
        ([node("ConstantOfShape", "s", "c"), node("Add", "x c")],
         {"s": ints(2**20, 2**20)}, "constant of shape .* is more than"),
        ([node("Range", "a b c", "r"), node("Add", "x r")],
         {"a": np.int64(0), "b": np.int64(2**60), "c": np.int64(1)}, "a range from 0 to"),
        ([node("Relu", "x"), node("Tanh", "x")], {}, "y is made twice"),
        ([node("Concat", "x x", axis=4)], {}, "no axis 4 among 4"),
        ([node("Split", "x s", "y z", axis=1)], {"s": ints(3, 3)}, r"split into \[3, 3\]"),
        ([node("Pad", "x p")], {"p": ints(1, 2)}, r"padding is \[1, 2\]"),
        ([node("Gemm", "x w")], {"w": drawn(4, 4)}, "a Gemm of"),
    ],
)  # fmt: skip
def test_nonsense_is_one_clear_line(
    nodes: list[onnx.NodeProto], arrays: Arrays, message: str, tmp_path: Path
) -> None:
    with pytest.raises(LitheError, match=message) as caught:
        read_onnx(file_of(tmp_path / "a.onnx", nodes, arrays))
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "a.onnx"))


def test_constants_cannot_fill_the_memory(tmp_path: Path) -> None:
    doubled = [node("Concat", f"c{i} c{i}", f"c{i + 1}", axis=0) for i in range(60)]
    path = file_of(tmp_path / "a.onnx", [*doubled, node("Add", "x c60")], {"c0": drawn(1024)})
    with pytest.raises(LitheError, match="more than"):
        read_onnx(path)
    wide = [node("ConstantOfShape", "s", f"c{i}") for i in range(100)]
    path = file_of(tmp_path / "b.onnx", [*wide, node("Relu", "x")], {"s": ints(2**11, 2**12)})
    with pytest.raises(LitheError, match="constants add up to more than"):
        read_onnx(path)


def test_other_files_and_none(tmp_path: Path) -> None:
    with pytest.raises(LitheError, match="No such file"):
        read_onnx(tmp_path / "none.onnx")
    for content in (b"", b"hello, this is no model", b"\x08" * 64):
        (tmp_path / "a.onnx").write_bytes(content)
        with pytest.raises(LitheError, match=r"a\.onnx"):
            read_onnx(tmp_path / "a.onnx")
    with pytest.raises(LitheError):
        read_onnx(tmp_path)


def test_arrays_in_another_file(tmp_path: Path) -> None:
    path = file_of(tmp_path / "a.onnx", [node("Conv", "x w")], W)
    onnx.save_model(
        onnx.load(str(path)),
        str(path),
        save_as_external_data=True,
        location="a.data",
        size_threshold=0,
    )
    assert_as_onnxruntime(path)
    data = (tmp_path / "a.data").read_bytes()
    (tmp_path / "a.data").write_bytes(data[:100])
    with pytest.raises(LitheError, match="array w"):
        read_onnx(path)
    (tmp_path / "a.data").unlink()
    with pytest.raises(LitheError, match="array w is in another file, which cannot be read"):
        read_onnx(path)
    model = onnx.load(str(path), load_external_data=False)
    for entry in model.graph.initializer[0].external_data:
        entry.value = "../outside" if entry.key == "location" else entry.value
    (tmp_path / "inner").mkdir()
    (tmp_path / "outside").write_bytes(data)
    onnx.save(model, str(tmp_path / "inner" / "a.onnx"))
    with pytest.raises(LitheError, match="array w is in another file, which cannot be read"):
        read_onnx(tmp_path / "inner" / "a.onnx")


def small_network(path: Path) -> Path:
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, 2), nn.ReLU6(), nn.MaxPool2d(2), nn.Upsample(scale_factor=2),
        nn.Flatten(), nn.Linear(16, 2), nn.Softmax(1),
    )  # fmt: skip
    return exported(path, network, (1, 3, 8, 8), do_constant_folding=False)


def one_of_each(path: Path) -> Path:
    """Operators whose numbers are arrays, where damage becomes wrong sizes."""
    arrays: Arrays = {}
    nodes = []
    for i, name in enumerate(("pad", "slice", "split", "shuffle", "reshape by shape")):
        made, own, _ = CASES[name]
        arrays |= {f"{key}{i}": array for key, array in own.items()}
        for each in made:
            copied = onnx.NodeProto.FromString(each.SerializeToString())
            copied.name += str(i)
            renamed = [n if n == "x" else f"{n}{i}" if n else "" for n in each.input]
            del copied.input[:], copied.output[:]
            copied.input.extend(renamed)
            copied.output.extend(f"{n}{i}" for n in each.output)
            nodes.append(copied)
    joined = [node("Flatten", f"y{i}", f"f{i}") for i in range(5)]
    ends = node("Concat", " ".join(f"f{i}" for i in range(5)), axis=1)
    return file_of(path, [*nodes, *joined, ends], arrays)


@pytest.mark.parametrize("write", [small_network, one_of_each])
def test_damaged_files_are_errors_and_never_crash(
    write: Callable[[Path], Path], tmp_path: Path
) -> None:
    """Bytes flipped, cut and doubled: each file is read, or refused by one line."""
    path = write(tmp_path / "a.onnx")
    assert read_onnx(path).graph.outputs
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    read = 0
    for case in range(500):
        damaged = bytearray(whole)
        for _ in range(int(random.integers(1, 4))):
            place = int(random.integers(len(damaged)))
            match case % 5:
                case 0:
                    damaged[place] ^= 1 << int(random.integers(8))
                case 1:
                    damaged[place] = int(random.integers(256))
                case 2:
                    damaged[place] = 0xFF
                case 3:
                    damaged[place:place] = damaged[place : place + int(random.integers(1, 40))]
                case _:
                    del damaged[place : place + int(random.integers(1, 40))]
        path.write_bytes(damaged)
        try:
            model = read_onnx(path)
        except LitheError as error:
            assert "\n" not in str(error)
        else:
            assert model.graph.outputs
            read += 1
    for end in range(0, len(whole), 61):
        path.write_bytes(whole[:end])
        with pytest.raises(LitheError):
            read_onnx(path)
    assert 0 < read < 400


SIZES = (0, 1, -1, 2, 3, 64, 2**20, 2**31 - 1, 2**31, 2**62, -(2**62))


def test_wrong_numbers_are_errors_and_never_crash(tmp_path: Path) -> None:
    """Well-formed files in which a size, a version or a name is another one."""
    random = np.random.default_rng(0)
    files = [
        onnx.load(str(file_of(tmp_path / "a.onnx", nodes, arrays, opset=opset)))
        for nodes, arrays, opset in CASES.values()
    ]
    refused = 0
    for case in range(1500):
        model = onnx.ModelProto()
        model.CopyFrom(files[case % len(files)])
        graph, size = model.graph, int(random.choice(SIZES))
        each = graph.node[int(random.integers(len(graph.node)))]
        number = int(random.integers(64))
        match int(random.integers(6)):
            case 0 if each.attribute:
                attribute = each.attribute[number % len(each.attribute)]
                attribute.i = size
                if attribute.ints:
                    attribute.ints[number % len(attribute.ints)] = size
            case 1 if graph.initializer:
                held = graph.initializer[number % len(graph.initializer)]
                array = numpy_helper.to_array(held).copy()
                if array.dtype == np.int64 and array.size:
                    array.reshape(-1)[number % array.size] = size
                    held.CopyFrom(numpy_helper.from_array(array, held.name))
                elif held.dims:
                    held.dims[number % len(held.dims)] = size
            case 2:
                model.opset_import[0].version = int(random.choice([0, 1, 6, 9, 11, 13, 18, 99]))
            case 3 if each.input:
                each.input[number % len(each.input)] = "x"
            case 4:
                each.op_type = files[number].graph.node[0].op_type
            case _:
                graph.input[0].type.tensor_type.shape.dim[number % 4].dim_value = size
        onnx.save(model, str(tmp_path / "a.onnx"))
        try:
            simplify(read_onnx(tmp_path / "a.onnx"))
        except LitheError as error:
            assert "\n" not in str(error)
            refused += 1
    assert 100 < refused < 1400


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
