"""What a report is made from: plain frozen rows, whoever measured them."""

from dataclasses import dataclass

from lithe.runtimes import RuntimeName
from lithe.training.history import EpochRow

__all__ = [
    "CandidateRow",
    "EpochRow",
    "ExampleRow",
    "LimitRow",
    "NetworkRow",
    "RunRows",
]


@dataclass(frozen=True, slots=True)
class NetworkRow:
    """One network in the three dimensions; latency in seconds at batch 1, None: not measured.

    `runtime` and `threads` are those of the latency.
    """

    label: str
    macs: int
    params: int
    peak_activation_bytes: int
    latency_s: float | None = None
    latency_p20_s: float | None = None
    latency_p80_s: float | None = None
    runtime: RuntimeName | None = None
    threads: int | None = None


@dataclass(frozen=True, slots=True)
class LimitRow:
    """One limit of the budget: what was asked, predicted before training, and measured after.

    `name` is the option's (`max_macs`); `unit` is `count`, `bytes` or `seconds`.
    """

    name: str
    unit: str
    asked: float
    predicted: float | None
    measured: float | None

    @property
    def holds(self) -> bool | None:
        """Whether the measured value is within the limit; None if it was not measured."""
        return None if self.measured is None else self.measured <= self.asked


@dataclass(frozen=True, slots=True)
class CandidateRow:
    """One point of the search: its cost, what came of it, and its accuracy where it was trained.

    `accuracy` is on the part of the training images that the race keeps aside, as a share;
    `status` is `winner`, `raced`, `fits` or `over budget`; `breaks` names the limits that
    an over-budget candidate breaks.
    """

    network: NetworkRow
    family: str
    width: float
    resolution: int
    status: str
    accuracy: float | None = None
    breaks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExampleRow:
    """One held-out image: a small PNG, its class, and what the network said of it."""

    png: bytes
    name: str
    truth: str
    predicted: str
    confidence: float


@dataclass(frozen=True, slots=True)
class RunRows:
    """All that the page of one run shows.

    `confusion[i][j]` counts held-out images of class i that were called class j.
    `command` repeats the run; `facts` are further lines of the form (name, text).
    """

    title: str
    command: str
    accuracy: float
    chosen: NetworkRow
    twin: NetworkRow
    limits: tuple[LimitRow, ...]
    candidates: tuple[CandidateRow, ...]
    history: tuple[EpochRow, ...]
    classes: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    examples: tuple[ExampleRow, ...]
    facts: tuple[tuple[str, str], ...]
