"""What `lithe.compile` may be given, as a model: a module, a file, or a model already."""

import sys
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from lithe.errors import LitheError
from lithe.graph.model import Model, model_of
from lithe.graph.ops import Shape
from lithe.nets.card import ModelCard
from lithe.nets.cards import card_of, input_of, read_any_card


def model_from(source: Any, example: Any) -> Model:
    """The model of a torch module, a model file, an ONNX file; a model itself is returned.

    `example` is a shape, a tensor or array, a tuple of those, or None where the source says
    itself what it takes. torch is only imported for what cannot be had without.

    Raises:
        LitheError: none of these, or an example that the source does not take.
    """
    shapes = None if example is None else _shapes(example)
    if isinstance(source, Model):
        return _checked(source, shapes, "the model")
    if isinstance(source, str | PathLike):
        return _from_file(Path(source), shapes)
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(source, torch.nn.Module):
        raise LitheError(
            "lithe.compile takes a torch module, a model.safetensors, an ONNX file or a "
            f"lithe.graph model, not {type(source).__name__}"
        )
    return _from_module(source, example, shapes)


def module_inputs(example: Any) -> Any:
    """An example as capture takes it: a shape, or a tensor for every input.

    Raises:
        LitheError: no tensor, array, shape or tuple of those.
    """
    return _tensors(example, _shapes(example))


def _from_module(module: Any, example: Any, shapes: list[Shape] | None) -> Model:
    from lithe.nets.build import Network

    if isinstance(module, Network):
        from lithe.nets.as_built import arrays_of, as_built

        arch = module.arch
        own = input_of(arch)
        shapes = shapes or [own]
        if len(shapes) == 1 and shapes[0][1:] == own[1:] and as_built(module):
            return model_of(arch, arrays_of(module), shapes[0][0])
    card = card_of(module)
    if shapes is None and card is not None:
        shapes = [input_of(card)]
    if shapes is None:
        raise LitheError(
            f"{type(module).__name__} does not say what it takes; give an example input or its "
            "shape: lithe.compile(model, (1, 3, 224, 224))"
        )
    from lithe.graph.capture import capture_model

    return capture_model(module, _tensors(example, shapes))


def _tensors(example: Any, shapes: list[Shape]) -> Any:
    """The example as capture takes it: one shape, or a tensor for every input."""
    import torch

    if len(shapes) == 1 and not isinstance(example, torch.Tensor):
        return shapes[0]
    given = example if isinstance(example, tuple | list) else (example,)
    return tuple(
        one if isinstance(one, torch.Tensor) else torch.zeros(shape)
        for one, shape in zip(given, shapes, strict=True)
    )


def _from_file(path: Path, shapes: list[Shape] | None) -> Model:
    if path.suffix == ".onnx":
        from lithe.graph.onnx import read_onnx

        if shapes is not None and len(shapes) != 1:
            raise LitheError(f"give the shape of the one input of {path}, not {len(shapes)}")
        return read_onnx(path, shapes[0] if shapes else None)
    if path.suffix != ".safetensors":
        raise LitheError(f"{path}: lithe.compile reads .safetensors, written by lithe, and .onnx")
    card = read_any_card(path)
    own = input_of(card)
    shapes = shapes or [own]
    if isinstance(card, ModelCard) and len(shapes) == 1 and shapes[0][1:] == own[1:]:
        from lithe.nets.model_data import load_arrays

        card, arrays = load_arrays(path)
        try:
            return model_of(card.arch, arrays, shapes[0][0])
        except LitheError as error:
            raise LitheError(f"{path} cannot be compiled: {error}") from None
    # A table is for one resolution; at another the network itself knows its shapes.
    from lithe.graph.capture import capture_model
    from lithe.nets.load import load

    if len(shapes) != 1:
        raise LitheError(f"{path} takes one input and was given {len(shapes)}")
    return capture_model(load(path), shapes[0])


def _checked(model: Model, shapes: list[Shape] | None, name: str) -> Model:
    own = [model.graph.shapes[tensor] for tensor in model.graph.inputs]
    if shapes is not None and shapes != own:
        raise LitheError(
            f"{name} takes {', '.join(map(str, own))} and the example is "
            f"{', '.join(map(str, shapes))}"
        )
    return model


def _shapes(example: Any) -> list[Shape]:
    if isinstance(example, Sequence) and all(isinstance(size, int) for size in example):
        return [_shape(example)]
    if isinstance(example, tuple | list):
        return [_shape(getattr(one, "shape", one)) for one in example]
    return [_shape(getattr(example, "shape", example))]


def _shape(sizes: Any) -> Shape:
    try:
        shape = tuple(int(size) for size in sizes)
    except (TypeError, ValueError):
        raise LitheError(
            f"an example input is a tensor, an array or a shape, not {type(sizes).__name__}"
        ) from None
    if not shape or any(size < 1 for size in shape):
        raise LitheError(f"{shape} is no shape of an example input; every axis is 1 or more")
    return shape
