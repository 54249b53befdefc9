"""What must hold of every model, whatever pass it came through."""

from math import prod

from lithe.errors import LitheError
from lithe.graph.graph import Node
from lithe.graph.model import Model
from lithe.graph.ops import (
    ACTIVATIONS,
    BINARY,
    Activation,
    AddProduct,
    Attention,
    Binary,
    Concat,
    Einsum,
    Fused,
    MatMul,
    Op,
    Part,
    Shape,
    Unknown,
)


def verify(model: Model) -> None:
    """Check a model.

    Every tensor is written once, before it is read; shapes are those of the operators'
    rules; constants are there and fit their operators; outputs exist.

    Raises:
        LitheError: something does not hold; says which node.
    """
    graph = model.graph
    shapes: dict[str, Shape] = {}
    for name in graph.inputs:
        if name in shapes:
            raise LitheError(f"input {name} is there twice")
        shapes[name] = graph.shapes[name]
    for node in graph.nodes:
        try:
            shapes[node.output] = _checked(node, model, shapes)
        except LitheError as error:
            raise LitheError(f"{node.path or node.output}: {error}") from None
    for name in graph.outputs:
        if name not in shapes:
            raise LitheError(f"output {name} is written by no node")


def _checked(node: Node, model: Model, shapes: dict[str, Shape]) -> Shape:
    if node.output in shapes:
        raise LitheError(f"{node.output} is written twice")
    for name in node.inputs:
        if name not in shapes:
            raise LitheError(f"{name} is read before it is written")
    inputs = tuple(shapes[name] for name in node.inputs)
    _check_form(node.op, len(inputs))
    out = node.op.shape(*inputs)
    if out != model.graph.shapes.get(node.output):
        raise LitheError(
            f"{node.output} should be of shape {out}, not {model.graph.shapes.get(node.output)}"
        )
    for name in node.constants:
        if name not in model.values:
            raise LitheError(f"there is no array for constant {name}")
        if model.values[name].shape != model.graph.weights.get(name):
            raise LitheError(
                f"constant {name} is of shape {model.values[name].shape}, and the graph says "
                f"{model.graph.weights.get(name)}"
            )
    _check_constants(node.op, inputs, tuple(model.values[name].shape for name in node.constants))
    return out


def _check_form(op: Op, inputs: int) -> None:
    if isinstance(op, Fused):
        if isinstance(op.op, Fused) or (op.activation is None and not op.residual):
            raise LitheError("a fused operator holds one plain operator and what follows it")
        if op.activation is not None:
            _check_form(op.activation, 1)
        _check_form(op.op, inputs - op.residual)
        return
    match op:
        case Activation(kind=kind, args=args):
            if kind not in ACTIVATIONS or len(args) != ACTIVATIONS[kind]:
                raise LitheError(f"there is no activation {kind} of {len(args)} numbers")
            wanted = {1}
        case Binary(kind=kind, constant_first=first):
            if kind not in BINARY:
                raise LitheError(f"there is no element-wise operator {kind} of two tensors")
            wanted = {1} if first else {1, 2}
        case MatMul() | Attention() | Einsum() | AddProduct() | Concat() | Unknown() | Part():
            return  # their shape rules count their operands themselves
        case _:
            wanted = {1}
    if inputs not in wanted:
        raise LitheError(f"{type(op).__name__} was given {inputs} tensors")


def _check_constants(op: Op, inputs: tuple[Shape, ...], found: tuple[Shape, ...]) -> None:
    match op:
        case Fused():
            _check_constants(op.op, inputs[:-1] if op.residual else inputs, found)
            return
        case Unknown():
            return
        case Activation(kind="prelu"):
            c = inputs[0][1] if len(inputs[0]) > 1 else 1
            fits = len(found) == 1 and len(found[0]) <= 1 and prod(found[0]) in (1, c)
            wanted: tuple[Shape, ...] = found if fits else ((c,),)
        case Binary() if len(inputs) == 1:
            fits = len(found) == 1 and Binary(op.kind).shape(*inputs, *found) == inputs[0]
            wanted = found if fits else inputs
        case _:
            wanted = op.constants(*inputs)
    if found != wanted:
        raise LitheError(
            f"{type(op).__name__} needs constants of shapes {wanted} and was given {found}"
        )
