"""What a report is made from: plain frozen rows, whoever measured them."""

from dataclasses import dataclass

from lithe.runtimes import RuntimeName
from lithe.training.history import EpochRow

__all__ = [
    "AttemptRow",
    "CandidateRow",
    "EpochRow",
    "ExampleRow",
    "LimitRow",
    "NetworkRow",
    "PredictionRow",
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

    `name` is the option's (`max_macs`); `unit` is `count`, `bytes` or `seconds`. `elsewhere`:
    the budget is for a machine that is not here, so what cannot be measured is judged by what
    was predicted.
    """

    name: str
    unit: str
    asked: float
    predicted: float | None
    measured: float | None
    elsewhere: bool = False

    @property
    def by_prediction(self) -> bool:
        """Whether the verdict rests on the prediction alone."""
        return self.elsewhere and self.measured is None and self.predicted is not None

    @property
    def holds(self) -> bool | None:
        """Whether the measured value is within the limit; None if it was not measured."""
        value = self.predicted if self.by_prediction else self.measured
        return None if value is None else value <= self.asked


@dataclass(frozen=True, slots=True)
class CandidateRow:
    """One point of the search: its cost, what came of it, and its accuracy where it was trained.

    `accuracy` is on the part of the training images that the race keeps aside, as a share;
    `status` is `winner`, `raced`, `fits`, `too slow` (when it was compiled and timed) or
    `over budget`; `breaks` names the limits that an over-budget candidate breaks.
    """

    network: NetworkRow
    family: str
    width: float
    resolution: int
    status: str
    accuracy: float | None = None
    breaks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """A candidate that was compiled and timed before it could win; seconds at batch 1.

    `accuracy` is given where it had been trained in full by then. `when` is in UTC.
    """

    label: str
    predicted_s: float | None
    measured_s: float
    measured_p80_s: float
    holds: bool
    when: str
    accuracy: float | None = None


@dataclass(frozen=True, slots=True)
class PredictionRow:
    """What predicted latencies rest on.

    `machine` and `threads` are those of the latency table; `here` says that it is this
    machine's. `looked_up` is the share of the winner's predicted time that had been
    measured step by step. The errors are shares, over `networks` of the table that were
    predicted from the others; None where that is not known.
    """

    machine: str
    threads: int
    looked_up: float
    here: bool = True
    networks: int | None = None
    median_error: float | None = None
    worst_error: float | None = None


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
    `slower_by` is the share by which the machine is slower than when the latencies that the
    search went by were measured.
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
    attempts: tuple[AttemptRow, ...] = ()
    prediction: PredictionRow | None = None
    slower_by: float = 0.0
