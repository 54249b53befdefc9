"""What a profile is made of: the three dimensions of one network as frozen values."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lithe.cost import FLOPS_PER_MAC, LayerCost
from lithe.cost.roofline import Bound, Side
from lithe.device import Device
from lithe.graph.ops import Shape
from lithe.profiling.notebook import as_html
from lithe.runtimes import RuntimeName

if TYPE_CHECKING:
    from lithe.profiling.latency import Latency

__all__ = [
    "Bound",
    "Buffer",
    "Energy",
    "LargestTensor",
    "MemoryUse",
    "Prediction",
    "Profile",
    "Resident",
    "RunLatency",
    "Side",
    "StepLatency",
]


@dataclass(frozen=True, slots=True)
class Buffer:
    """A stretch of memory and the steps that need it, `first` and `last` included.

    `name` is the path of the layer whose output it holds (`input` for what the network is
    given); `shape` is () where it is no tensor of the network.
    """

    name: str
    shape: Shape
    bytes: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """Activation memory over time, for one way to run a network.

    `way` is "layers" (one after the other, each tensor freed after its last use) or
    "lithe" (the engine's fused plan). What the network is given and returns is among the
    `buffers` either way, so the two can be compared. `scratch_bytes` are needed only while
    a step runs, by all threads together. `allocated_bytes` is what the engine allocates for
    a call, beside its input and output; None for "layers".
    """

    way: Literal["layers", "lithe"]
    steps: tuple[str, ...]
    buffers: tuple[Buffer, ...]
    scratch_bytes: tuple[int, ...]
    allocated_bytes: int | None = None

    @property
    def live_bytes(self) -> tuple[int, ...]:
        """Bytes alive while each step runs, its inputs, its output and its scratch included."""
        live = list(self.scratch_bytes)
        for buffer in self.buffers:
            for step in range(buffer.first, buffer.last + 1):
                live[step] += buffer.bytes
        return tuple(live)

    @property
    def peak_step(self) -> int:
        """The first step at which most is alive."""
        live = self.live_bytes
        return live.index(max(live))

    @property
    def peak_bytes(self) -> int:
        """The most that is alive at once."""
        return max(self.live_bytes)

    @property
    def at_peak(self) -> tuple[Buffer, ...]:
        """What is alive at the peak, the largest first."""
        step = self.peak_step
        alive = (buffer for buffer in self.buffers if buffer.first <= step <= buffer.last)
        return tuple(sorted(alive, key=lambda buffer: -buffer.bytes))


@dataclass(frozen=True, slots=True)
class LargestTensor:
    """Table 3 of the V2 paper for any network: the largest tensors at one resolution.

    `layers` is the largest that a layer makes there, `fused` the largest that still has to
    exist in memory under the engine's fused plan, None where the engine was not asked or
    nothing of that resolution is left.
    """

    side: tuple[int, int]  # h, w
    layers: Buffer
    fused: Buffer | None


@dataclass(frozen=True, slots=True)
class StepLatency:
    """One step of a run, measured: 20th, 50th and 80th percentile, in seconds.

    `layers` are the indices into `Profile.layers` of the layers whose work it does: one in
    eager PyTorch, several where the engine fuses. A layer that two steps work for is named
    by both. `moved_bytes` are those that have to cross between memory and the step: tensors
    that stay inside it are not counted. `bound` is None where the machine was not measured.
    """

    label: str
    kernel: str
    layers: tuple[int, ...]
    macs: int
    moved_bytes: int
    p20_s: float
    p50_s: float
    p80_s: float
    bound: Bound | None = None

    @property
    def share(self) -> float | None:
        """The share of the bound that was reached: the bound over the measured median."""
        return self.bound.seconds / self.p50_s if self.bound and self.p50_s else None


@dataclass(frozen=True, slots=True)
class RunLatency:
    """A network's latency in one runtime: as a whole, and step by step.

    `total` was measured undisturbed, the steps in runs of their own that take a time after
    each step, in turns with the others.
    """

    total: "Latency"
    warm_up: int
    steps: tuple[StepLatency, ...]

    @property
    def runtime(self) -> RuntimeName:
        """Which runtime."""
        return self.total.runtime

    @property
    def steps_s(self) -> float:
        """The medians of the steps added up; differs from the whole by what is between steps."""
        return sum(step.p50_s for step in self.steps)

    @property
    def bound_s(self) -> float | None:
        """The bounds of the steps added up; None where one has none."""
        bounds = [step.bound for step in self.steps]
        return sum(each.seconds for each in bounds if each) if all(bounds) else None


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a machine that is not here would need at least: the bounds of all layers.

    Layers run one after the other in float32; no machine reaches its bound everywhere, so
    `seconds` is a lower bound of the latency and not an estimate of it. A runtime that fuses
    layers moves fewer bytes than is counted here.
    """

    device: Device
    threads: int
    bounds: tuple[Bound, ...]  # of each layer

    @property
    def seconds(self) -> float:
        """The bounds added up."""
        return sum(bound.seconds for bound in self.bounds)


@dataclass(frozen=True, slots=True)
class Resident:
    """How a process of its own grew by loading a network and running it: resident bytes.

    `planned_bytes` is what weights, activations, input and output should take.
    """

    runtime: RuntimeName
    peak_bytes: int
    planned_bytes: int


@dataclass(frozen=True, slots=True)
class Energy:
    """Joules of one run.

    `source` is the meter that was read ("RAPL package-0") or, where `estimate` says so, the
    published table that operations and bytes were multiplied with. `parts` split it.
    """

    joules: float
    source: str
    estimate: bool
    runtime: RuntimeName | None = None
    parts: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Profile:
    """What one run of a network costs: counted, planned and measured.

    `macs` are those of convolutions, linear layers and products of matrices, as in the
    papers; `other_ops` are operations on elements that are no MACs (activations, pooling,
    additions). `param_bytes`, `moved_bytes` and `peak_activation_bytes` are at fp32. The
    peak is the most that is alive at once when layers run one after the other, and
    `peak_layer` is the path of the layer that runs then. Where `unknown` names operators
    without a rule, every total is a lower bound.

    What was not asked for, or cannot be had here, is empty or None, and `notes` say why.
    """

    name: str
    input_shape: Shape
    macs: int
    params: int
    param_bytes: int
    peak_activation_bytes: int
    peak_layer: str
    layers: tuple[LayerCost, ...]
    unknown: tuple[str, ...] = ()
    other_ops: int = 0
    moved_bytes: int = 0
    memory: tuple[MemoryUse, ...] = ()
    largest_tensors: tuple[LargestTensor, ...] = ()
    latencies: tuple[RunLatency, ...] = ()
    device: Device | None = None
    prediction: Prediction | None = None
    resident: tuple[Resident, ...] = ()
    energy: tuple[Energy, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def flops(self) -> int:
        """Two operations for each multiply-accumulate."""
        return FLOPS_PER_MAC * self.macs

    def latency(self, runtime: RuntimeName) -> RunLatency | None:
        """The latency in one runtime, None where it was not measured."""
        return next((each for each in self.latencies if each.runtime == runtime), None)

    def memory_use(self, way: str) -> MemoryUse | None:
        """Memory over time for one way to run it, None where it is not known."""
        return next((each for each in self.memory if each.way == way), None)

    def _repr_html_(self) -> str:
        return as_html(self)
