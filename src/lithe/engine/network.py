"""A compiled network: called like the module that it was compiled from."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lithe.engine.layout import activation_bytes
from lithe.engine.loaded import Loaded
from lithe.engine.operands import operand
from lithe.engine.runner import Runner, moved
from lithe.engine.runtime import Native
from lithe.errors import LitheError
from lithe.graph.ops import Shape


@dataclass(frozen=True, slots=True)
class ScheduleStep:
    """One step: where it came from, what runs, in how many parts that threads may share.

    `nodes` are the outputs of the simplified graph's nodes whose work it does.
    """

    label: str
    kernel: str
    units: int
    macs: int
    nodes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Schedule:
    """What a compiled network does, in order; printed, a table."""

    steps: tuple[ScheduleStep, ...]
    notes: tuple[str, ...]

    def __str__(self) -> str:
        rows = [("step", "kernel", "units", "MACs")]
        rows += [(s.label, s.kernel, f"{s.units:,}", f"{s.macs:,}") for s in self.steps]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        lines = [
            f"{label:{widths[0]}}  {kernel:{widths[1]}}  {units:>{widths[2]}}  {macs:>{widths[3]}}"
            for label, kernel, units, macs in rows
        ]
        return "\n".join([*lines, *self.notes])


class CompiledNetwork:
    """A network as machine code; `lithe.compile` makes it.

    Called with tensors it returns tensors, with NumPy arrays arrays: one, or a tuple where
    the network has several outputs; each is new at every call and has no gradient. An input
    is float32, n c h w; one that is contiguous is read where it lies. float64, float16,
    bfloat16 and other strides (channels_last too) are converted first. Anything else is
    refused.

    It may be called from several threads at once and after a fork. The first call takes all
    `threads`; one that comes meanwhile computes in its own thread, with the same bits.

    Any batch size may be given, unless the network mixes its samples. A batch is computed in
    pieces of `piece` samples, each by one thread from end to end as long as there is one for
    every thread, and otherwise by all threads together; samples left over are computed one by
    one. The bits do not depend on it.

    `peak_activation_bytes` is all memory that a call of the batch in `input_shapes` needs
    besides weights, input and output: arenas, and scratch of all threads. `target` is the
    instruction set.
    """

    def __init__(
        self,
        loaded: Loaded,
        native: Native,
        threads: int,
        *,
        batch: int | None = None,
        single: Loaded | None = None,
        mixes_samples: str = "",
    ) -> None:
        program = loaded.program
        self._mixes_samples = mixes_samples
        self.piece = program.inputs[0][0] if program.inputs and program.inputs[0] else 1
        self._batch = self.piece if batch is None else batch
        self._pieces = Runner(loaded, native, threads)
        self._samples = self._pieces if single is None else Runner(single, native, threads)
        self.threads = threads
        self.target = native.isa.name
        self.fallback: tuple[()] = ()  # nothing of it runs in PyTorch
        self.input_shapes = _batched(program.inputs, self.piece, self._batch)
        self.output_shapes = _batched(program.outputs, self.piece, self._batch)
        self.weight_bytes = sum(each.weights.nbytes for each in (loaded, single) if each)
        self.peak_activation_bytes = activation_bytes(
            program, loaded.plan.total_bytes, threads, self._batch // self.piece
        )
        notes = program.notes
        if self._batch != self.piece:
            notes = (f"one piece of {self.piece} samples; a batch is computed in pieces", *notes)
        self.schedule = Schedule(
            tuple(
                ScheduleStep(step.label, step.kernel.name, step.units, step.macs, step.nodes)
                for step in program.steps
            ),
            notes,
        )

    def __repr__(self) -> str:
        shapes = ", ".join(map(str, self.input_shapes))
        return (
            f"<compiled network for {shapes}: {len(self.schedule.steps)} steps, {self.target}, "
            f"threads={self.threads}>"
        )

    def __call__(self, *inputs: Any) -> Any:
        """The network's output for these inputs.

        Raises:
            LitheError: inputs of another number, type or shape than it was compiled for.
        """
        arrays, batch, torch = self._operands(inputs)
        outputs, places = _new_outputs(self.output_shapes, batch, self._batch, torch)
        places = [address for address, _ in arrays] + places
        if batch == self.piece or self._mixes_samples:
            self._pieces.once(places)
        else:
            whole, rest = divmod(batch, self.piece)
            self._pieces.pieces(places, whole)
            if rest:
                self._samples.pieces(moved(places, self._pieces.strides, whole), rest)
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    def step_times(self, *inputs: Any) -> tuple[float, ...]:
        """Seconds that each step of the schedule took, in one run on these inputs.

        The inputs are of the batch size compiled for; where it is computed in pieces, the
        first piece is timed. The time of a step ends when its last thread is done.

        Raises:
            LitheError: as a call, or another batch size.
        """
        arrays, batch, torch = self._operands(inputs)
        if batch != self._batch:
            raise LitheError(
                f"the times are those of the batch compiled for, {self._batch}, not of {batch}"
            )
        outputs, places = _new_outputs(self.output_shapes, batch, self._batch, torch)
        times = self._pieces.timed([address for address, _ in arrays] + places)
        del outputs  # written to until now
        return times

    def _operands(self, inputs: Sequence[Any]) -> tuple[list[tuple[int, Any]], int, Any]:
        """Address and owner of each input, the batch size, and torch if a tensor was given."""
        if len(inputs) != len(self.input_shapes):
            raise LitheError(
                f"this network takes {len(self.input_shapes)} inputs and was given {len(inputs)}"
            )
        torch = sys.modules.get("torch")
        tensors = False
        sizes = set()
        arrays = []
        for value, shape in zip(inputs, self.input_shapes, strict=True):
            is_tensor = torch is not None and isinstance(value, torch.Tensor)
            tensors = tensors or is_tensor
            address, owner, given = operand(value, torch if is_tensor else None)
            if given != shape:
                self._check_batch(shape, given)
            sizes.add(given[:1])
            arrays.append((address, owner))
        if len(sizes) > 1 and not self._mixes_samples:
            batches = " and ".join(str(size[0]) for size in sorted(sizes))
            raise LitheError(f"inputs of {batches} samples in one call")
        batch = arrays and inputs[0].shape[:1]
        return arrays, batch[0] if batch else self._batch, torch if tensors else None

    def _check_batch(self, shape: Shape, given: Shape) -> None:
        """Refuse an input that differs by more than the number of samples."""
        any_batch = not self._mixes_samples
        if any_batch and given[1:] == shape[1:] and len(given) == len(shape):
            return
        wanted = f"({', '.join(('n', *map(str, shape[1:])))})" if any_batch else str(shape)
        why = f"; compiled for one batch size, because {self._mixes_samples}"
        raise LitheError(
            f"the network takes an input of shape {wanted} and was given {given}"
            f"{'' if any_batch else why}"
        )


def _batched(shapes: Sequence[Shape], piece: int, batch: int) -> tuple[Shape, ...]:
    """Shapes of a piece as those of a batch."""
    return tuple(shapes) if piece == batch else tuple((batch, *shape[1:]) for shape in shapes)


def _new_outputs(
    shapes: Sequence[Shape], batch: int, compiled: int, torch: Any
) -> tuple[list[Any], list[int]]:
    """Fresh outputs of a batch, and their addresses."""
    outputs: list[Any] = []
    places = []
    for shape in shapes:
        size = shape if batch == compiled else (batch, *shape[1:])
        if torch is None:
            array = np.empty(size, np.float32)
            places.append(array.__array_interface__["data"][0])
            outputs.append(array)
        else:
            tensor = torch.empty(size, dtype=torch.float32, device="cpu")
            places.append(tensor.data_ptr())
            outputs.append(tensor)
    return outputs, places
