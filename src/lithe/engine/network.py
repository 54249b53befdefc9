"""A compiled network: called like the module that it was compiled from."""

import ctypes
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, TypeVar

import numpy as np

from lithe.engine.layout import scratch_bytes
from lithe.engine.loaded import Loaded, Pieces, Workspace
from lithe.engine.operands import operand
from lithe.engine.runtime import Native, Team, team_of
from lithe.errors import LitheError
from lithe.graph.ops import Shape


@dataclass(frozen=True, slots=True)
class ScheduleStep:
    """One step: where it came from, what runs, in how many parts that threads may share."""

    label: str
    kernel: str
    units: int
    macs: int


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

    Any batch size may be given, unless the network mixes its samples: it is computed in
    pieces of the size in `input_shapes`. Where there are pieces for all threads, each thread
    runs its own from end to end; those left over are run by all threads together, the last
    one filled up with zeros. The bits do not depend on it.

    `peak_activation_bytes` is all memory that a call needs besides weights, input and
    output: arena, and scratch of all threads. `target` is the instruction set.
    """

    def __init__(
        self, loaded: Loaded, native: Native, threads: int, *, mixes_samples: str = ""
    ) -> None:
        program = loaded.program
        self._mixes_samples = mixes_samples
        self._loaded = loaded
        self._native = native
        self._team: Team | None = team_of(native, threads) if threads > 1 else None
        self._idle: list[Workspace] = []
        self._idle_pieces: list[Pieces] = []
        self._batch = program.inputs[0][0] if program.inputs and program.inputs[0] else 1
        self.threads = threads
        self.target = native.isa.name
        self.fallback = ()  # nothing of it runs in PyTorch
        self.input_shapes: tuple[Shape, ...] = program.inputs
        self.output_shapes: tuple[Shape, ...] = program.outputs
        self.weight_bytes = loaded.weights.nbytes
        self.peak_activation_bytes = loaded.plan.total_bytes + threads * scratch_bytes(program)
        self.schedule = Schedule(
            tuple(
                ScheduleStep(step.label, step.kernel.name, step.units, step.macs)
                for step in program.steps
            ),
            program.notes,
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
        if batch == self._batch:
            workspace = _pop(self._idle) or Workspace(self._loaded, self.threads)
            workspace.point(places)
            self._run(workspace.job)
            self._idle.append(workspace)
        else:
            self._pieces(places, batch)
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    def step_times(self, *inputs: Any) -> tuple[float, ...]:
        """Seconds that each step of the schedule took, in one run on these inputs.

        The inputs are of the batch size compiled for. The time of a step ends when its last
        thread is done.

        Raises:
            LitheError: as a call, or another batch size.
        """
        arrays, batch, torch = self._operands(inputs)
        if batch != self._batch:
            raise LitheError(
                f"the times are those of the batch compiled for, {self._batch}, not of {batch}"
            )
        _, places = _new_outputs(self.output_shapes, batch, self._batch, torch)
        stamps = np.zeros((len(self.schedule.steps) + 1, 2), np.int64)
        workspace = _pop(self._idle) or Workspace(self._loaded, self.threads)
        workspace.point([address for address, _ in arrays] + places)
        workspace.stamp(stamps)
        self._run(workspace.job)
        workspace.stamp(None)
        self._idle.append(workspace)
        seconds = np.diff(stamps, axis=0) @ np.array([1.0, 1e-9])
        return tuple(float(value) for value in seconds)

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

    def _run(self, job: int) -> None:
        if self._team is None or not self._team.run(job):
            self._native.alone(job)

    def _pieces(self, places: Sequence[int], batch: int) -> None:
        """Whole pieces of the compiled batch where they lie, the rest in a padded copy."""
        strides = [4 * prod(shape) for shape in (*self.input_shapes, *self.output_shapes)]
        whole, rest = divmod(batch, self._batch)
        shared = whole // self.threads * self.threads
        if shared > 1:
            pieces = _pop(self._idle_pieces) or Pieces(
                self._loaded, self._native.each, self.threads
            )
            pieces.point(places, strides, shared)
            self._run(pieces.job)
            self._idle_pieces.append(pieces)
        else:
            shared = 0
        workspace = _pop(self._idle) or Workspace(self._loaded, self.threads)
        for piece in range(shared, whole):
            workspace.point(_moved(places, strides, piece))
            self._run(workspace.job)
        if rest:
            self._rest(workspace, _moved(places, strides, whole), strides, rest)
        self._idle.append(workspace)

    def _rest(
        self, workspace: Workspace, places: Sequence[int], strides: Sequence[int], rest: int
    ) -> None:
        """Fewer samples than a piece has, from and to copies that have all of them."""
        copies = [np.zeros(stride, np.uint8) for stride in strides]
        parts = [
            (copy[: len(copy) // self._batch * rest], at)
            for copy, at in zip(copies, places, strict=True)
        ]
        inputs = len(self.input_shapes)
        for part, at in parts[:inputs]:
            ctypes.memmove(part.ctypes.data, at, part.nbytes)
        workspace.point([copy.ctypes.data for copy in copies])
        self._run(workspace.job)
        for part, at in parts[inputs:]:
            ctypes.memmove(at, part.ctypes.data, part.nbytes)


_Pooled = TypeVar("_Pooled")


def _pop(pool: list[_Pooled]) -> _Pooled | None:
    """One from a pool, also where another thread takes the last one just now."""
    try:
        return pool.pop()
    except IndexError:
        return None


def _moved(places: Sequence[int], strides: Sequence[int], pieces: int) -> list[int]:
    return [place + pieces * stride for place, stride in zip(places, strides, strict=True)]


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
