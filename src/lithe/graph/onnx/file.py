"""An ONNX file as plain Python values; nothing of protobuf leaves this module.

A file may come from anywhere. It is parsed as a protobuf message and read field by field;
neither ONNX's checker nor its shape inference, native code both, ever sees it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lithe.errors import LitheError
from lithe.graph.model import Array
from lithe.graph.ops import Shape

# A size that the file leaves open is None.
OpenShape = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class OnnxTensor:
    """What the file says of a tensor: its shape, None for none, and whether it holds floats."""

    shape: OpenShape | None
    is_float: bool


@dataclass(frozen=True, slots=True)
class OnnxNode:
    """One operator; a left out input is "". Attributes are numbers, strings, lists, arrays."""

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OnnxFile:
    """A file's graph; `inputs` are those without an array, `opset` is that of ONNX's own."""

    opset: int
    inputs: Mapping[str, OnnxTensor]
    outputs: tuple[str, ...]
    nodes: tuple[OnnxNode, ...]
    arrays: Mapping[str, Array]
    tensors: Mapping[str, OnnxTensor]


def load(path: Path) -> OnnxFile:
    """Read a file, and the files beside it that hold its arrays.

    Raises:
        LitheError: no such file, not an ONNX model, an array that is cut short or that is
            in a file which is missing, or the `onnx` package is missing.
    """
    try:
        import onnx
    except ImportError as error:
        raise LitheError(
            "ONNX files need the onnx package; install it with pip install 'lithe[onnx]'"
        ) from error
    try:
        model = onnx.load_model(str(path), load_external_data=False)
    except OSError as error:
        raise LitheError(f"{path}: {error.strerror or error}") from error
    except Exception as error:
        raise LitheError(f"{path} is not an ONNX model: {first_line(error)}") from error
    try:
        return _read(model, path.parent)
    except LitheError as error:
        raise LitheError(f"{path}: {printable(str(error))}") from None
    except Exception as error:  # fields that contradict each other, in ways without end
        raise LitheError(f"{path} is a damaged ONNX model: {first_line(error)}") from error


def printable(text: str) -> str:
    """Words of a stranger as they may stand in one line: no control characters, not endless."""
    return "".join(c if c.isprintable() else "?" for c in text[:500])


def first_line(error: Exception) -> str:
    """What went wrong, in one line."""
    lines = str(error).strip().splitlines()
    return printable(lines[0]) if lines else type(error).__name__


def _read(model: Any, folder: Path) -> OnnxFile:
    graph = model.graph
    if not graph.output:
        raise LitheError("the file holds no graph with an output")
    opsets = [entry.version for entry in model.opset_import if entry.domain in _OWN]
    if not opsets:
        raise LitheError("the file does not say which version of ONNX's operators it uses")
    arrays = {tensor.name: _array(tensor, folder) for tensor in graph.initializer}
    inputs = {value.name: _tensor(value) for value in graph.input if value.name not in arrays}
    return OnnxFile(
        opset=max(opsets),
        inputs=inputs,
        outputs=tuple(value.name for value in graph.output),
        nodes=tuple(_node(node, folder) for node in graph.node),
        arrays=arrays,
        tensors=_tensors((*graph.output, *graph.value_info)),
    )


_OWN = ("", "ai.onnx")


def _node(node: Any, folder: Path) -> OnnxNode:
    kind = printable(node.op_type if node.domain in _OWN else f"{node.domain}.{node.op_type}")
    attributes = {attribute.name: _attribute(attribute, folder) for attribute in node.attribute}
    name = printable(node.name or next(iter(node.output), ""))
    return OnnxNode(kind, name, tuple(node.input), tuple(node.output), attributes)


def _attribute(attribute: Any, folder: Path) -> Any:
    import onnx

    types = onnx.AttributeProto
    match attribute.type:
        case types.FLOAT:
            return float(attribute.f)
        case types.INT:
            return int(attribute.i)
        case types.STRING:
            return attribute.s.decode()
        case types.FLOATS:
            return [float(number) for number in attribute.floats]
        case types.INTS:
            return [int(number) for number in attribute.ints]
        case types.TENSOR:
            return _array(attribute.t, folder)
        case _:
            return None  # a graph, a list of strings: of operators that are not known here


def _array(tensor: Any, folder: Path) -> Array:
    import onnx
    from onnx import external_data_helper, numpy_helper

    if any(size < 0 for size in tensor.dims):
        raise LitheError(f"array {tensor.name} is of shape {tuple(tensor.dims)}")
    if external_data_helper.uses_external_data(tensor):
        try:
            external_data_helper.load_external_data_for_tensor(tensor, str(folder))
        except Exception as error:
            raise LitheError(
                f"array {tensor.name} is in another file, which cannot be read: {first_line(error)}"
            ) from error
    try:
        array: Array = np.asarray(numpy_helper.to_array(tensor))
    except Exception as error:
        raise LitheError(
            f"array {tensor.name} of shape {tuple(tensor.dims)} cannot be read: {first_line(error)}"
        ) from error
    # A type that NumPy has no name for.
    if tensor.data_type == onnx.TensorProto.BFLOAT16:
        array = array.astype(np.float32)
    return array


def _tensor(value: Any) -> OnnxTensor:
    import onnx

    kind = value.type.tensor_type
    floats = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE)
    is_float = kind.elem_type in (*floats, onnx.TensorProto.BFLOAT16)
    if not kind.HasField("shape"):
        return OnnxTensor(None, is_float)
    sizes = [size.dim_value if size.HasField("dim_value") else None for size in kind.shape.dim]
    return OnnxTensor(tuple(size if size is None or size > 0 else None for size in sizes), is_float)


def _tensors(values: Iterable[Any]) -> dict[str, OnnxTensor]:
    """By name; of two that say something of one tensor, the one that gives its shape."""
    result: dict[str, OnnxTensor] = {}
    for value in values:
        tensor = _tensor(value)
        if tensor.shape is not None or value.name not in result:
            result[value.name] = tensor
    return result


def fixed(shape: OpenShape | None) -> Shape | None:
    """The shape, if every size of it is known."""
    if shape is None or any(size is None for size in shape):
        return None
    return tuple(size for size in shape if size is not None)
