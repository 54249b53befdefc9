"""What an ONNX file may say that is not understood, nonsense, or damaged."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper
from tests.graph.onnx.files import (
    IMAGE,
    Arrays,
    assert_as_onnxruntime,
    drawn,
    exported,
    file_of,
    inner,
    ints,
    node,
)
from tests.graph.onnx.operators import CASES, F
from torch import nn

from lithe.errors import LitheError
from lithe.graph.onnx import read_onnx
from lithe.graph.ops import Activation, Unknown
from lithe.graph.passes import simplify


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
