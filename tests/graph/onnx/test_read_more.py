"""ONNX operators that no kernel computes, against ONNX Runtime."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from tests.graph.onnx.files import Arrays, assert_as_onnxruntime, drawn, file_of, node

IMAGE, LINE, BLOCK = (2, 4, 7, 9), (2, 4, 9), (1, 4, 4, 5, 6)


def ints(*numbers: int) -> Any:
    return np.asarray(numbers, np.int64)


SCALE = {"s": drawn(4), "b": drawn(4)}
CASES: dict[str, tuple[tuple[int, ...], list[onnx.NodeProto], Arrays]] = {
    "conv 1d": (LINE, [node("Conv", "x w b", pads=[1, 1], strides=[2])],
                {"w": drawn(6, 4, 3), "b": drawn(6)}),
    "conv 3d": (BLOCK, [node("Conv", "x w", group=2, dilations=[1, 2, 1])],
                {"w": drawn(6, 2, 2, 2, 3)}),
    "transposed": (IMAGE, [node("ConvTranspose", "x w b", strides=[2, 3], pads=[1, 0, 1, 0],
                                output_padding=[1, 2])],
                   {"w": drawn(4, 5, 3, 3), "b": drawn(5)}),
    "transposed groups": (IMAGE, [node("ConvTranspose", "x w", group=4, dilations=[2, 1])],
                          {"w": drawn(4, 2, 2, 3)}),
    "transposed 1d": (LINE, [node("ConvTranspose", "x w", strides=[2])], {"w": drawn(4, 3, 2)}),
    "matmul": (IMAGE, [node("Transpose", "x", "t", perm=[0, 1, 3, 2]), node("MatMul", "x t")], {}),
    "matmul constant": (IMAGE, [node("MatMul", "w x")], {"w": drawn(3, 7)}),
    "einsum": (IMAGE, [node("Einsum", "x x", equation="bchw,bdhw->bcd")], {}),
    "layer norm": (IMAGE, [node("LayerNormalization", "x s b", axis=2, epsilon=1e-3)],
                   {"s": drawn(7, 9), "b": drawn(7, 9)}),
    "instance norm": (IMAGE, [node("InstanceNormalization", "x s b")], SCALE),
    "group norm": (IMAGE, [node("GroupNormalization", "x s b", num_groups=2)], SCALE),
    "lrn": (IMAGE, [node("LRN", "x", size=3, alpha=0.5, bias=2.0)], {}),
    **{kind: (IMAGE, [node(kind, "x a", keepdims=0)], {"a": ints(1, -1)})
       for kind in ("ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2")},
    "expand": (IMAGE, [node("Expand", "x s")], {"s": ints(3, 1, 1, 1, 1)}),
    "tile": (IMAGE, [node("Tile", "x s")], {"s": ints(1, 2, 1, 3)}),
    "depth to space": ((2, 8, 3, 4), [node("DepthToSpace", "x", blocksize=2)], {}),
    "depth to space crd": (
        (2, 8, 3, 4), [node("DepthToSpace", "x", blocksize=2, mode="CRD")], {}
    ),
    "space to depth": ((2, 3, 4, 6), [node("SpaceToDepth", "x", blocksize=2)], {}),
    "global pools": (LINE, [node("GlobalAveragePool", "x", "p"), node("GlobalMaxPool", "x", "q"),
                            node("Add", "p q")], {}),
    "log softmax": (IMAGE, [node("LogSoftmax", "x", axis=1)], {}),
    "concat constant": (IMAGE, [node("Concat", "w x w", axis=1)], {"w": drawn(2, 1, 7, 9)}),
    "wide constant": (IMAGE, [node("Sub", "w x")], {"w": drawn(3, 1, 1, 1, 1)}),
    **{kind: (IMAGE, [node(kind, "x")], {})
       for kind in ("Erf", "Sin", "Cos", "Floor", "Ceil", "Round", "Sign", "Celu")},
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_operators(name: str, tmp_path: Path) -> None:
    shape, nodes, arrays = CASES[name]
    path = file_of(tmp_path / "a.onnx", nodes, arrays, opset=21, shape=shape)
    assert_as_onnxruntime(path, shape)
