"""The least time that a machine allows a piece of work: what its arithmetic and memory need."""

from dataclasses import dataclass
from typing import Literal

Side = Literal["arithmetic", "memory", "overhead"]


@dataclass(frozen=True, slots=True)
class Bound:
    """The least time that a machine allows a step: what its arithmetic and its memory need.

    `overhead_s` is what the runtime adds to any step. `level` is where its activations come
    from at best.
    """

    arithmetic_s: float
    memory_s: float
    overhead_s: float
    level: str

    @property
    def seconds(self) -> float:
        """Arithmetic and memory overlap at best, so the longer of the two; without overhead."""
        return max(self.arithmetic_s, self.memory_s)

    @property
    def side(self) -> Side:
        """Which of the three is the longest."""
        sides: tuple[tuple[Side, float], ...] = (
            ("arithmetic", self.arithmetic_s),
            ("memory", self.memory_s),
            ("overhead", self.overhead_s),
        )
        return max(sides, key=lambda side: side[1])[0]
