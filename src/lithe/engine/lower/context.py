"""What a lowering rule works with: where tensors are, and the steps and weights so far."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lithe.engine.isa import InstructionSet
from lithe.engine.kernels.copy import copy_kernel
from lithe.engine.kernels.row_conv import Floats
from lithe.engine.lower.placing import Slot, concat_slots
from lithe.engine.lower.tensor import NHWC, ROWS, Tensor, dense, own_pitch, pitch_of
from lithe.engine.program import Arena, Input, Kernel, Output, Place, Program, Step, Weights
from lithe.errors import LitheError
from lithe.graph import Model, Node
from lithe.graph.ops import Activation, Fused, Op, Reshape, Shape


@dataclass(frozen=True, slots=True)
class Work:
    """A node taken apart: its operator, what that reads, and what follows in the same kernel.

    `residual` names the tensor that is added before the activation, "" none.
    """

    op: Op
    inputs: tuple[str, ...]
    residual: str = ""
    activation: str = ""
    act_args: tuple[float, ...] = ()


def work_of(node: Node) -> Work:
    """The operator of a node without what was fused to it, and that."""
    op = node.op
    if not isinstance(op, Fused):
        return Work(op, node.inputs)
    own, residual = (node.inputs[:-1], node.inputs[-1]) if op.residual else (node.inputs, "")
    act = op.activation or Activation("")
    return Work(op.op, own, residual, act.kind, act.args)


class Lowering:
    """A program under construction, and what is known of the model that it is made from.

    Tensors of rank 4 are `nhwc` and all others `rows`, with one exception: what the caller
    brings, and what a reshape makes, may be of rank 4 in `rows`. `nhwc(name)` and
    `rows(name)` give the one that a rule needs, by a copy where there is none yet. Without
    `packs` the weights of convolutions are only named.
    """

    def __init__(self, model: Model, isa: InstructionSet, threads: int, packs: bool = True) -> None:
        self.model = model
        self.graph = model.graph
        self.isa = isa
        self.threads = threads
        self.packs = packs
        self._tensors: dict[str, Tensor] = {}
        self._copies: dict[tuple[str, str], Tensor] = {}
        self._steps: list[Step] = []
        self._buffers: dict[str, int] = {}
        self._weights: dict[str, Floats] = {}
        self._notes: list[str] = []
        self._owners: set[str] = set()  # tensors with a buffer of their own
        self._slots = concat_slots(model.graph)
        self._readers: dict[str, list[Node]] = defaultdict(list)
        for node in self.graph.nodes:
            for name in dict.fromkeys(node.inputs):
                self._readers[name].append(node)
        for index, name in enumerate(self.graph.inputs):
            shape = self.graph.shapes[name]
            self._tensors[name] = dense(Input(index), shape, ROWS)

    # Tensors

    def tensor(self, name: str) -> Tensor:
        """Where a tensor is that the caller brings or a step before has written."""
        return self._tensors[name]

    def shape(self, name: str) -> Shape:
        """Shape of a tensor of the graph."""
        return self.graph.shapes[name]

    def nhwc(self, name: str) -> Tensor:
        """A tensor in the layout `nhwc`; copied once where it is not.

        Of another rank than 4 every row is a pixel, an image of its own: (rows, width, 1, 1).
        """
        tensor = self._tensors[name]
        if tensor.layout == NHWC:
            return tensor
        if len(tensor.shape) != 4:
            return tensor.as_pixels
        _, c, h, w = tensor.shape
        if tensor.in_order and (c == 1 or h * w == 1):
            return dense(tensor.place, tensor.shape, NHWC)
        return self._copied(name, NHWC, pitch_of(tensor.shape))

    def rows(self, name: str) -> Tensor:
        """A tensor with its axes in order and no gaps; copied once where it is not."""
        tensor = self._tensors[name]
        if tensor.in_order:
            return dense(tensor.place, tensor.shape, ROWS)
        return self._copied(name, ROWS, (tensor.shape or (1,))[-1])

    def _copied(self, name: str, layout: str, pitch: int) -> Tensor:
        if (name, layout) not in self._copies:
            source = self._tensors[name]
            target = self.temporary(f"{name}:{layout}", source.shape, layout, pitch)
            self.copy(source, target, f"{name} as {layout}")
            self._copies[name, layout] = target
        return self._copies[name, layout]

    def new(self, name: str, *, over: str = "", layout: str = "") -> Tensor:
        """A place for a tensor that a step is about to write, `nhwc` for rank 4, else `rows`.

        It is a part of the buffer of a concatenation, where that saves the copy; or the
        caller's output, where layouts agree; or a buffer of its own. With `over` it may be
        the place of that tensor, which the step reads element by element and nobody else.
        """
        shape = self.shape(name)
        layout = layout or (NHWC if len(shape) == 4 else ROWS)
        slot, index = self.slot(name), self._output_of(name)
        if slot and slot.layout == layout:
            tensor = slot
        elif index is not None and dense(Output(index), shape, layout).in_order:
            tensor = dense(Output(index), shape, layout)
        elif self._is_free(over) and self._tensors[over].matches(shape, layout):
            tensor = self._tensors[over]
            self._owners.add(name)
        else:
            tensor = self.temporary(name, shape, layout, own_pitch(shape, layout))
            self._owners.add(name)
        self._tensors[name] = tensor
        return tensor

    def temporary(self, buffer: str, shape: Shape, layout: str, pitch: int = 0) -> Tensor:
        """A tensor in a buffer of its own that is not, or not only, a tensor of the graph."""
        tensor = Tensor(Arena(buffer), shape, pitch or pitch_of(shape), layout)
        if buffer in self._buffers:
            raise LitheError(f"two buffers are called {buffer!r}; a fault of the lowering")
        self._buffers[buffer] = 4 * max(tensor.floats, 1)
        return tensor

    def in_arena(self, name: str, tensor: Tensor) -> Tensor:
        """The same tensor where a part of it can be taken: copied if it is the caller's."""
        if isinstance(tensor.place, Arena):
            return tensor
        key = name, f"{tensor.layout}:copy"
        if key not in self._copies:
            target = self.temporary(":".join(key), tensor.shape, tensor.layout, tensor.pitch)
            self.copy(tensor, target, f"{name} into the arena")
            self._copies[key] = target
        return self._copies[key]

    def alias(self, name: str, tensor: Tensor) -> None:
        """Say that a tensor of the graph is what already lies there."""
        self._tensors[name] = tensor

    def slot(self, name: str) -> Tensor | None:
        """The part of a concatenation's buffer that is kept for a tensor."""
        slot, shape = self._slots.get(name), self.shape(name)
        return self._in_slot(slot, shape, NHWC if len(shape) == 4 else ROWS) if slot else None

    def _in_slot(self, slot: Slot, shape: Shape, layout: str) -> Tensor:
        whole = self.shape(slot.buffer)
        place = Tensor(Arena(slot.buffer), whole, pitch_of(whole), layout)
        self._buffers.setdefault(slot.buffer, 4 * max(place.floats, 1))
        return place.moved(slot.channel, shape)

    def _output_of(self, name: str) -> int | None:
        """The output that a tensor becomes unchanged, read by nothing else on the way."""
        while len(self._readers[name]) == 1 and isinstance(self._readers[name][0].op, Reshape):
            if name in self.graph.outputs:
                return None
            name = self._readers[name][0].output
        if self._readers[name] or self.graph.outputs.count(name) != 1:
            return None
        return self.graph.outputs.index(name)

    def _is_free(self, name: str) -> bool:
        """Whether a buffer holds this tensor and nothing else, and is read for the last time."""
        return name in self._owners and self.only_reader(name)

    def inside(self, name: str) -> Tensor:
        """A tensor that exists only inside a kernel, as if it were dense."""
        return dense(Arena("inside"), self.shape(name), NHWC)

    # The graph

    def only_reader(self, name: str) -> bool:
        """Whether one node alone reads a tensor, which is no output either."""
        return len(self._readers[name]) == 1 and name not in self.graph.outputs

    def nodes(self, index: int, count: int) -> tuple[Node, ...]:
        """Up to `count` nodes from `index` on."""
        return self.graph.nodes[index : index + count]

    # Steps and weights

    def constants(self, node: Node) -> tuple[Floats, ...]:
        """The arrays that a node reads, as float32."""
        return tuple(np.asarray(self.model.values[name], np.float32) for name in node.constants)

    def weights(self, name: str, array: Floats) -> Weights:
        """Keep an array for kernels to read; the same name means the same array."""
        flat = np.ascontiguousarray(array, np.float32).reshape(-1)
        known = self._weights.setdefault(name, flat)
        if known is not flat and not np.array_equal(known, flat, equal_nan=True):
            raise LitheError(f"two arrays are called {name!r}; a fault of the lowering")
        return Weights(name)

    def step(
        self, kernel: Kernel, args: Sequence[Place], units: int, label: str, macs: int = 0
    ) -> None:
        """Append a step."""
        if units:
            self._steps.append(Step(kernel, tuple(args), units, label, macs))

    def lowered(self, nodes: Sequence[Node], steps: int) -> None:
        """Say which nodes' work the steps from number `steps` on do."""
        outputs = tuple(node.output for node in nodes)
        self._steps[steps:] = [replace(step, nodes=outputs) for step in self._steps[steps:]]

    @property
    def so_far(self) -> tuple[Step, ...]:
        """The steps."""
        return tuple(self._steps)

    @property
    def steps(self) -> int:
        """How many there are so far."""
        return len(self._steps)

    def copy(self, source: Tensor, target: Tensor, label: str) -> None:
        """A step that copies between any two tensors of one shape."""
        kernel, units = copy_kernel(self.isa, source.shape, target.strides, source.strides)
        self.step(kernel, (target.place, source.place), units, label)

    def note(self, text: str) -> None:
        """Something that a reader of the schedule should know."""
        self._notes.append(text)

    def program(self) -> Program:
        """The program, with copies of the outputs that do not lie where the caller wants them."""
        for index, name in enumerate(self.graph.outputs):
            tensor = self._tensors[name]
            if tensor.place != Output(index):
                target = dense(Output(index), tensor.shape, ROWS)
                self.copy(tensor, target, f"output {index}")
        used = {place.buffer for s in self._steps for place in s.args if isinstance(place, Arena)}
        shapes = self.graph.shapes
        return Program(
            tuple(self._steps),
            {name: size for name, size in self._buffers.items() if name in used},
            dict(self._weights),
            tuple(shapes[name] for name in self.graph.inputs),
            tuple(shapes[name] for name in self.graph.outputs),
            tuple(self._notes),
        )
