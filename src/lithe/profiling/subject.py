"""What a profile may be asked for, as one value: a module, a table, a model, or a file."""

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Union

from lithe.arch import Architecture
from lithe.errors import LitheError
from lithe.graph import Graph, from_arch
from lithe.graph.model import Model
from lithe.graph.ops import Shape
from lithe.nets.card import ModelCard
from lithe.nets.cards import card_of, input_of, read_any_card, title_of

if TYPE_CHECKING:
    from torch import nn

Source = Union["nn.Module", Architecture, Model, str, "PathLike[str]"]


@dataclass(frozen=True, slots=True)
class Subject:
    """A network for an input of `shape`; of the other fields those that are known are set.

    A `file` is a model file of lithe's; where it holds the network of a table, that is set, too.
    """

    name: str
    shape: Shape
    table: Architecture | None = None
    file: Path | None = None
    model: Model | None = None
    module: "nn.Module | None" = None


def subject_of(source: Source, input_shape: Sequence[int] | None) -> Subject:
    """What is to be profiled, for an input of shape n c h w; nothing is built or captured.

    The shape may be left out where the source says itself what it takes: a table, a network
    that was built from one, a model file, an ONNX file, a `lithe.graph` model.

    Raises:
        LitheError: no input shape where one is needed, one that the network does not take,
            a file that cannot be read, or nothing that can be profiled.
    """
    shape = None if input_shape is None else _checked(input_shape)
    if isinstance(source, Model):
        return _of_model("model", source, shape)
    if isinstance(source, str | PathLike):
        return _of_file(Path(source), shape)
    if isinstance(source, Architecture):
        own = input_of(source)
        if shape and (len(shape) != 4 or shape[1:] != own[1:]):
            raise LitheError(
                f"{source.label} takes inputs of shape (n, {', '.join(map(str, own[1:]))}), not "
                f"{shape}; give the table another resolution or number of input channels instead"
            )
        return Subject(source.label, shape or own, table=source)
    return _of_module(source, shape)


def graph_of(subject: Subject) -> Graph:
    """The graph of a network; a table is read directly, a module captured.

    Raises:
        LitheError: `torch.export` cannot trace the module, or it does not take that shape.
    """
    if subject.model is not None:
        return subject.model.graph
    if subject.table is not None and subject.shape[1:] == input_of(subject.table)[1:]:
        return from_arch(subject.table, batch=subject.shape[0])
    from lithe.graph.capture import capture

    module = module_of(subject)
    assert module is not None
    return capture(module, subject.shape)


def module_of(subject: Subject) -> "nn.Module | None":
    """The network as a torch module, None where there is none: what came from ONNX.

    A table's weights are drawn from a generator of their own, the same at every call.
    """
    if subject.module is not None or subject.model is not None:
        return subject.module
    if subject.file is not None:
        from lithe.nets.load import load

        return load(subject.file)
    assert subject.table is not None
    import torch

    from lithe.nets.build import build

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build(subject.table).eval()


def _checked(input_shape: Sequence[int]) -> Shape:
    shape = tuple(input_shape)
    if not shape or not all(isinstance(size, int) and size > 0 for size in shape):
        raise LitheError(
            f"input shape {shape} must hold whole numbers above zero, such as (1, 3, 224, 224)"
        )
    return shape


def _of_model(name: str, model: Model, shape: Shape | None) -> Subject:
    own = tuple(model.graph.shapes[tensor] for tensor in model.graph.inputs)
    if not own or (shape is not None and shape != own[0]):
        raise LitheError(f"{name} takes {', '.join(map(str, own)) or 'no input'}, not {shape}")
    return Subject(name, own[0], model=model)


def _of_file(path: Path, shape: Shape | None) -> Subject:
    if path.suffix == ".onnx":
        from lithe.graph.onnx import read_onnx

        return _of_model(path.stem, read_onnx(path, shape), shape)
    if path.suffix != ".safetensors":
        raise LitheError(f"{path}: a profile reads .safetensors, written by lithe, and .onnx")
    card = read_any_card(path)
    table = card.arch if isinstance(card, ModelCard) else None
    return Subject(title_of(card), shape or input_of(card), table=table, file=path)


def _of_module(module: object, shape: Shape | None) -> Subject:
    from torch import nn

    if not isinstance(module, nn.Module):
        raise LitheError(f"a torch module or an Architecture is wanted, not {module!r}")
    card, table = card_of(module), getattr(module, "arch", None)
    name = type(module).__name__
    if card is not None:
        name, shape = title_of(card), shape or input_of(card)
    elif isinstance(table, Architecture):
        name, shape = table.label, shape or input_of(table)
    if shape is None:
        raise LitheError(
            f"{name} does not say what it takes; give the input shape, such as (1, 3, 224, 224)"
        )
    return Subject(name, shape, module=module)
