"""From an ONNX file to a model: operator by operator, constants worked out on the way."""

from dataclasses import dataclass, field
from math import prod
from pathlib import Path

from lithe.errors import LitheError
from lithe.graph.graph import GraphBuilder
from lithe.graph.model import Array, Model
from lithe.graph.onnx.call import Call, Chain, Constant, NotUnderstoodError, Tensor, Value
from lithe.graph.onnx.file import (
    OnnxFile,
    OnnxNode,
    OnnxTensor,
    first_line,
    fixed,
    load,
    printable,
)
from lithe.graph.onnx.folding import MOST_ELEMENTS, fold
from lithe.graph.onnx.rules import RULES
from lithe.graph.ops import Shape, Unknown
from lithe.graph.passes.verify import verify

LARGEST_TENSOR = 2**33  # elements: 32 GB at fp32, beyond any image network
MOST_FOLDED = 4 * MOST_ELEMENTS  # elements of all constants that one file may have worked out


def read_onnx(path: str | Path, input_shape: Shape | None = None) -> Model:
    """The model in an ONNX file, for an input of that shape, n c h w.

    Where the shape is left out the file has to fix it; an open first size, the batch, is 1
    then. An operator without a rule becomes `Unknown` with its name and its node's, if the
    file says what shape it makes. Numbers are not rounded to the type that a `Cast` names.

    Raises:
        LitheError: no such file or not an ONNX model, one that contradicts itself, an
            input that is not of floating-point numbers, or the `onnx` package is missing.
    """
    path = Path(path)
    file = load(path)
    try:
        model = _translate(file, input_shape)
        verify(model)
    except LitheError as error:
        raise LitheError(f"{path}: {printable(str(error))}") from None
    return model


@dataclass(slots=True)
class _State:
    """A model under construction and what the file's names stand for."""

    file: OnnxFile
    values: dict[str, Value]
    builder: GraphBuilder = field(default_factory=GraphBuilder)
    arrays: dict[str, Array] = field(default_factory=dict)
    folded: int = 0
    other: set[str] = field(default_factory=set)  # tensors that may not hold floats


def _translate(file: OnnxFile, input_shape: Shape | None) -> Model:
    state = _State(file, {name: Constant(name, array) for name, array in file.arrays.items()})
    for name, shape in _input_shapes(file, input_shape).items():
        state.values[name] = _bounded(state.builder.input(shape), shape)
    for node in file.nodes:
        try:
            _add(node, state)
        except LitheError as error:
            raise LitheError(f"{node.kind} {node.name}: {error}") from None
        except Exception as error:  # damaged in a way that no rule looks for
            raise LitheError(f"{node.kind} {node.name} is damaged: {first_line(error)}") from error
    outputs = []
    for name in file.outputs:
        value = state.values.get(name)
        if not isinstance(value, Tensor):
            made = "does not depend on the input" if value else "is made by no operator"
            raise LitheError(f"output {name} {made}")
        outputs.append(value.name)
    return Model(state.builder.build(*outputs), state.arrays)


def _input_shapes(file: OnnxFile, wanted: Shape | None) -> dict[str, Shape]:
    if not file.inputs:
        raise LitheError("the network has no input")
    if wanted is not None and len(file.inputs) > 1:
        raise LitheError(f"one input shape is given and the inputs are {', '.join(file.inputs)}")
    result = {}
    for name, tensor in file.inputs.items():
        if not tensor.is_float:
            raise LitheError(f"input {name} does not hold floating-point numbers")
        if wanted is not None:
            _check_wanted(name, tensor, wanted)
            result[name] = tuple(wanted)
            continue
        shape = tensor.shape
        if shape and shape[0] is None:
            shape = (1, *shape[1:])
        found = fixed(shape)
        if found is None:
            raise LitheError(
                f"input {name} is of shape {_written(tensor)}; give the shape to read it for, "
                "such as (1, 3, 224, 224)"
            )
        result[name] = found
    return result


def _written(tensor: OnnxTensor) -> str:
    if tensor.shape is None:
        return "unknown"
    return "(" + ", ".join("?" if size is None else str(size) for size in tensor.shape) + ")"


def _check_wanted(name: str, tensor: OnnxTensor, wanted: Shape) -> None:
    if any(not isinstance(size, int) or size < 1 for size in wanted):
        raise LitheError(f"input shape {wanted} must hold whole numbers above zero")
    said = tensor.shape
    if said is None:
        return
    # A file may be run with another batch than it was written for, if its operators agree.
    fits = len(said) == len(wanted) and all(
        size in (None, other) for size, other in zip(said[1:], wanted[1:], strict=True)
    )
    if not fits:
        raise LitheError(f"input {name} is of shape {_written(tensor)}, not {wanted}")


def _bounded(name: str, shape: Shape) -> Tensor:
    if prod(shape) > LARGEST_TENSOR:
        raise LitheError(f"a tensor of shape {shape} is more than {LARGEST_TENSOR} numbers")
    return Tensor(name, shape)


def _add(node: OnnxNode, state: _State) -> None:
    for name in node.inputs:
        if name and name not in state.values:
            raise LitheError(f"{name} is read before anything makes it")
    call = Call(
        node, tuple(state.values[name] if name else None for name in node.inputs), state.file.opset
    )
    first = call.value(0)
    if node.kind == "Identity" and isinstance(first, Tensor):
        _bind(node, (first,), state)
        return
    known = fold(call)
    if known is not None:
        # What only looks at the file's own arrays takes no memory.
        state.folded += sum(array.size for array in known if array.flags.owndata)
        if state.folded > MOST_FOLDED:
            raise LitheError(f"the file's constants add up to more than {MOST_FOLDED} numbers")
        constants = (
            Constant(name, array) for name, array in zip(node.outputs, known, strict=False)
        )
        _bind(node, tuple(constants), state)
        return
    tensors = tuple(value for value in call.values if isinstance(value, Tensor))
    rule = RULES.get(node.kind)
    why = ""
    if rule is not None and not any(tensor.name in state.other for tensor in tensors):
        try:
            made = rule(call)
        except NotUnderstoodError as error:
            why = f" {error}"
        else:
            chains = made if isinstance(made, tuple) else (made,)
            _bind(node, tuple(_append(node, chain, tensors, state) for chain in chains), state)
            return
    _unknown(call, tensors, why, state)


def _bind(node: OnnxNode, values: tuple[Value, ...], state: _State) -> None:
    for name, value in zip(node.outputs, values, strict=False):
        if name in state.values:
            raise LitheError(f"{name} is made twice")
        if name:
            state.values[name] = value


def _append(node: OnnxNode, chain: Chain, tensors: tuple[Tensor, ...], state: _State) -> Tensor:
    inputs = tuple(tensor.name for tensor in tensors)
    for op in chain.ops[:-1]:
        name = state.builder.add(op, *inputs, path=node.name)
        inputs = (_bounded(name, state.builder.shape(name)).name,)
    for constant in chain.constants:
        if constant.array.dtype.kind != "f":
            raise LitheError(f"{constant.name} is an array of {constant.array.dtype}")
    read = [(constant.name, constant.array.shape) for constant in chain.constants]
    state.arrays |= {constant.name: constant.array for constant in chain.constants}
    name = state.builder.add(
        chain.ops[-1],
        *inputs,
        path=node.name,
        params=dict(read[: chain.params]),
        buffers=dict(read[chain.params :]),
        constants=read,
    )
    return _bounded(name, state.builder.shape(name))


def _unknown(call: Call, tensors: tuple[Tensor, ...], why: str, state: _State) -> None:
    node = call.node
    named = f"{node.kind}{why} ({node.name})"
    if len([name for name in node.outputs if name]) != 1:
        raise LitheError(f"{named} is not understood, and makes several tensors")
    output = state.file.tensors.get(node.outputs[0])
    shape = fixed(output.shape) if output else None
    if output is None or shape is None:
        raise LitheError(
            f"{named} is not understood, and the file does not say what shape it makes"
        )
    arrays = {v.name: v.array for v in call.values if isinstance(v, Constant)}
    state.arrays |= arrays
    name = state.builder.add(
        Unknown(named, shape),
        *(tensor.name for tensor in tensors),
        path=node.name,
        constants=[(name, array.shape) for name, array in arrays.items()],
    )
    if not output.is_float:
        state.other.add(name)
    state.values[node.outputs[0]] = _bounded(name, shape)
