"""What the page of a front is made from: plain frozen rows."""

from dataclasses import dataclass

from lithe.report.rows import CandidateRow, NetworkRow


@dataclass(frozen=True, slots=True)
class FrontRow:
    """One trained network of a front: what it gives, what it takes, and how to take it.

    `accuracy` is the share of right answers on the held-out images, `predicted_s` the
    latency that was predicted; `dominated`: another one is better in everything. `file` is
    relative to the front's folder; `predict` and `fit` are commands that use this network
    and that choose it for a budget.
    """

    network: NetworkRow
    family: str
    accuracy: float
    predicted_s: float | None
    dominated: bool
    file: str
    predict: str
    fit: str


@dataclass(frozen=True, slots=True)
class AskedRow:
    """One limit that the front goes up to; names and units as in `LimitRow`."""

    name: str
    unit: str
    asked: float


@dataclass(frozen=True, slots=True)
class FrontRows:
    """All that the page of a front shows.

    `points` stand by rising cost. `held_out` is how many images their accuracies speak of.
    `tried` is everything that was considered; its accuracies are those of the short
    trainings and are no match for the others.
    """

    title: str
    command: str
    held_out: int
    points: tuple[FrontRow, ...]
    limits: tuple[AskedRow, ...]
    tried: tuple[CandidateRow, ...]
    facts: tuple[tuple[str, str], ...]
