"""Where every tensor lives while a model becomes a program, and the steps so far."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from lithe.engine.isa import InstructionSet
from lithe.engine.program import Arena, Input, Kernel, Output, Place, Program, Step, Weights
from lithe.graph import Node
from lithe.graph.model import Model
from lithe.graph.ops import Shape


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor and where its numbers are.

    `shape` is logical, n c h w for images; n c counts as n c 1 1. With the layout "nhwc" a
    pixel's channels lie side by side and `pitch` floats are from a pixel to the next, so that
    a tensor can be some channels of a wider one. "rows" is row-major in the order of `shape`.
    """

    place: Place
    shape: Shape
    pitch: int
    layout: str = "nhwc"


class Lowering:
    """A program under construction."""

    def __init__(self, model: Model, isa: InstructionSet, threads: int) -> None:
        self.model, self.isa, self.threads = model, isa, threads
        graph = model.graph
        self._tensors = {
            name: Tensor(Input(index), graph.shapes[name], 0, "rows")
            for index, name in enumerate(graph.inputs)
        }
        readers = Counter(name for node in graph.nodes for name in set(node.inputs))
        self._readers = readers + Counter(graph.outputs)
        self._buffers: dict[str, int] = {}
        self._weights: dict[str, NDArray[np.float32]] = {}
        self._steps: list[Step] = []
        self._notes: list[str] = []

    def tensor(self, name: str) -> Tensor:
        """Where a tensor that has been computed, or an input, is."""
        return self._tensors[name]

    def nhwc(self, name: str) -> Tensor:
        """The tensor with channels side by side."""
        tensor = self.tensor(name)
        assert tensor.layout == "nhwc", name
        return tensor

    def inside(self, name: str) -> Tensor:
        """A tensor that exists only inside a kernel, as if it were dense."""
        shape = _image(self.model.graph.shapes[name])
        return Tensor(Arena("inside"), shape, shape[1])

    def new(self, name: str) -> Tensor:
        """Room for a tensor that the next step writes, with channels side by side."""
        shape = _image(self.model.graph.shapes[name])
        place: Place = Arena(name)
        outputs = self.model.graph.outputs
        if name in outputs and shape[2:] == (1, 1):
            place = Output(outputs.index(name))
        else:
            self._buffers[name] = 4 * prod(shape)
        self._tensors[name] = Tensor(place, shape, shape[1])
        return self._tensors[name]

    def weights(self, name: str, array: NDArray[np.float32]) -> Weights:
        """Keep packed weights; in memory they lie in the order in which they are given."""
        self._weights[name] = np.ascontiguousarray(array, np.float32).reshape(-1)
        return Weights(name)

    def step(
        self, kernel: Kernel, args: tuple[Place, ...], units: int, label: str, macs: int = 0
    ) -> None:
        """Append a step."""
        self._steps.append(Step(kernel, args, units, label, macs))

    def note(self, text: str) -> None:
        """Something that the schedule should say about itself."""
        self._notes.append(text)

    def only_reader(self, name: str) -> bool:
        """A tensor is read once and is no output."""
        return self._readers[name] == 1

    def nodes(self, index: int, count: int) -> tuple[Node, ...]:
        """Up to `count` nodes from `index` on."""
        return self.model.graph.nodes[index : index + count]

    def program(self) -> Program:
        """What has been lowered."""
        graph = self.model.graph
        buffers: Mapping[str, int] = self._buffers
        return Program(
            tuple(self._steps),
            buffers,
            self._weights,
            tuple(graph.shapes[name] for name in graph.inputs),
            tuple(graph.shapes[name] for name in graph.outputs),
            tuple(self._notes),
        )


def _image(shape: Shape) -> Shape:
    return (*shape, 1, 1) if len(shape) == 2 else shape
