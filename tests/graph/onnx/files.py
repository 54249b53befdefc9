"""ONNX files to read, and what ONNX Runtime makes of them."""

import importlib
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from tests.graph.reference import evaluate
from torch import nn

from lithe.graph import Model, unknown_ops
from lithe.graph.onnx import read_onnx
from lithe.graph.passes import simplify

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


def exported(path: Path, network: nn.Module, shape: tuple[int, ...], **options: Any) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(network, (torch.zeros(shape),), str(path), dynamo=False, **options)
    return path


def inner(name: str, shape: Sequence[int], kind: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, list(shape))
