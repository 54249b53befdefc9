"""A trial of a search, and which one is the best."""

from collections.abc import Sequence
from dataclasses import dataclass

from lithe.search.race import Standing, better_first
from lithe.search.sampler import Choice
from lithe.search.shortlist import Candidate


@dataclass(frozen=True, slots=True)
class Trial:
    """A candidate that is tried: what was drawn, what came of it, and how far it was trained.

    `parent` is the number of the trial whose weights it began with. `lost` says why it could
    not be trained; `told` is whether its outcome counts already.
    """

    number: int
    generation: int
    parameters: dict[str, Choice]
    candidate: Candidate
    parent: int | None
    standings: tuple[Standing, ...]
    lost: str
    told: bool

    @property
    def standing(self) -> Standing | None:
        """How good it was when it was last looked at."""
        return self.standings[-1] if self.standings else None


def best_first(trials: Sequence[Trial]) -> tuple[Trial, ...]:
    """Those that have been trained and not lost, by accuracy, then by loss, then by age."""
    ranked = [(better_first(t.standing), t.number, t) for t in trials if t.standing and not t.lost]
    return tuple(trial for _, _, trial in sorted(ranked, key=lambda row: row[:2]))
