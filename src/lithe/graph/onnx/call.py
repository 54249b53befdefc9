"""One operator of an ONNX file with what its inputs stand for, and what a rule makes of it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from lithe.errors import LitheError
from lithe.graph.model import Array
from lithe.graph.onnx.file import OnnxNode
from lithe.graph.ops import Op, Shape


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input that depends on what the network is given."""

    name: str
    shape: Shape


@dataclass(frozen=True, slots=True)
class Constant:
    """An input that is known: the array and its name in the file."""

    name: str
    array: Array


Value = Tensor | Constant


@dataclass(frozen=True, slots=True)
class Chain:
    """Operators one after the other; the last one reads the constants.

    Constants count as trained `params` from the first to `params`, then as buffers.
    """

    ops: tuple[Op, ...]
    constants: tuple[Constant, ...] = ()
    params: int = 0


class NotUnderstoodError(Exception):
    """A rule says why the operator, as it is here, is none that we have."""


@dataclass(frozen=True, slots=True)
class Call:
    """An operator's inputs, None where left out, and its attributes."""

    node: OnnxNode
    values: tuple[Value | None, ...]
    opset: int

    def value(self, index: int) -> Value | None:
        """An input, None where it is left out."""
        return self.values[index] if index < len(self.values) else None

    def tensor(self, index: int = 0) -> Tensor:
        """An input that must not be a constant."""
        value = self.value(index)
        if not isinstance(value, Tensor):
            raise NotUnderstoodError(f"with a constant for input {index}")
        return value

    def image(self) -> Tensor:
        """The first input, which must be n c h w."""
        x = self.tensor()
        if len(x.shape) != 4:
            raise NotUnderstoodError(f"of {len(x.shape)} axes")
        return x

    def constant(self, index: int) -> Constant:
        """An input that must be a constant."""
        value = self.value(index)
        if not isinstance(value, Constant):
            raise NotUnderstoodError(f"without a constant for input {index}")
        return value

    def attribute(self, name: str, default: Any = None) -> Any:
        """An attribute, which has to be of the type of its default where that is not None."""
        value = self.node.attributes.get(name, default)
        if default is not None and not isinstance(value, type(default)):
            raise LitheError(f"attribute {name} is {value!r}")
        return value

    def integers(self, index: int, name: str) -> list[int] | None:
        """Integers that newer files have in an input and older ones in an attribute."""
        if self.value(index) is not None:
            return integers(self.constant(index).array)
        found = self.attribute(name)
        return None if found is None else integers(np.asarray(found))

    def sizes(self, name: str, count: int, default: int, least: int = 1) -> tuple[int, ...]:
        """An attribute of `count` sizes, each at least `least`."""
        found = self.attribute(name)
        found = [default] * count if found is None else found
        if not isinstance(found, list) or len(found) != count or min(found) < least:
            raise LitheError(f"attribute {name} is {found}")
        return tuple(found)

    def derived(self, array: Array, what: str) -> Constant:
        """A constant that is made of those in the file."""
        return Constant(f"derived:{self.node.outputs[0]}:{what}", np.ascontiguousarray(array))


def integers(array: Array) -> list[int]:
    """The numbers of an array of integers of at most one axis.

    Raises:
        LitheError: it is not one.
    """
    if array.ndim > 1 or array.dtype.kind not in "iu" or array.size > 64:
        raise LitheError(f"integers are wanted, not {array.dtype} of shape {array.shape}")
    return [int(number) for number in array.reshape(-1)]


def axis_in(axis: int, rank: int) -> int:
    """An axis counted from 0.

    Raises:
        LitheError: there is no such axis.
    """
    if not -rank <= axis < rank:
        raise LitheError(f"there is no axis {axis} among {rank}")
    return axis % rank
